// Whether `run` listens, alone, and whether the kernel leads connections to it. See checks.h.
#include <algorithm>
#include <optional>
#include <set>
#include <span>

#include <fmt/format.h>

#include "config/capture_contract.h"
#include "doctor/attempt.h"
#include "doctor/checks.h"
#include "netsetup/families.h"

namespace sidelock {

namespace {

struct Place {
  std::optional<IpAddress> address;  // none: all of them
  std::uint16_t port = 0;
};

std::vector<Place> expected_places(const Settings& settings) {
  std::vector<Place> places;
  for (const ExplicitListener& pair : settings.listeners) places.push_back({pair.address, pair.port});
  const std::size_t capture_ports =
      settings.capture.mode == CaptureMode::kNone ? 0 : count_capture_ports(settings.capture);
  for (std::size_t i = 0; i < capture_ports; ++i) {
    places.push_back({std::nullopt, static_cast<std::uint16_t>(settings.capture.capture_port_base + i)});
  }
  return places;
}

std::span<const WaitingSocket> listeners_at(const std::vector<WaitingSocket>& tcp, std::uint16_t port) {
  // Two calls, because clang 14 cannot compile what std::ranges::equal_range returns.
  const auto port_of = [](const WaitingSocket& socket) { return socket.local.port; };
  const auto first = std::ranges::lower_bound(tcp, port, {}, port_of);
  return {first, std::ranges::upper_bound(tcp, port, {}, port_of)};
}

bool is_expected(const Place& place, const IpAddress& address) {
  return place.address ? *place.address == address : address.is_unspecified();
}

// A socket that is bound to a narrower address takes connections away from the one for all of them, and one that is
// shared (SO_REUSEPORT) gets its part.
std::optional<std::string> intruder(const Patient& patient, const std::vector<Place>& places) {
  std::set<unsigned> users;
  for (const Place& place : places) {
    for (const WaitingSocket& socket : listeners_at(patient.tcp, place.port)) {
      const auto owner = patient.owners.find(socket.inode);
      const bool is_known = owner != patient.owners.end();
      const bool may_be_ours = is_known ? owner->second.is_sidelock : is_expected(place, socket.local.address);
      const std::string what =
          fmt::format("{} listens on {}", holder_of(socket, patient.owners), socket.local.to_string());
      // Another address of an explicit listener's port may be the app's.
      if (place.address && !socket.local.address.is_unspecified() && socket.local.address != *place.address) continue;
      if (!may_be_ours) return what;
      users.insert(socket.uid);
      if (users.size() > 1) return fmt::format("{}, and others belong to another user", what);
    }
  }
  return std::nullopt;
}

std::string missing_listeners(const Patient& patient, const std::vector<Place>& places) {
  std::string missing;
  for (const Place& place : places) {
    const auto found = listeners_at(patient.tcp, place.port);
    const auto fits = [&](const WaitingSocket& socket) { return is_expected(place, socket.local.address); };
    if (std::ranges::any_of(found, fits)) continue;
    missing += (missing.empty() ? "" : ", ") + std::to_string(place.port);
  }
  return missing;
}

Check check_listeners(const Patient& patient) {
  const std::vector<Place> places = expected_places(patient.settings);
  if (const auto other = intruder(patient, places)) {
    return failed("listeners", ExitCode::kFailure, *other + ": this port is for `sidelock run`",
                  patient.is_captured() ? "end that process, or choose other ports: --capture-port-base"
                                        : "end that process, or choose other ports: --listen");
  }
  const std::string missing = missing_listeners(patient, places);
  if (!missing.empty()) {
    return failed("listeners", ExitCode::kFailure, "nobody listens on " + missing,
                  "start `sidelock run` with these settings; its log tells why it ended");
  }
  const auto first = listeners_at(patient.tcp, places.front().port);
  return ok("listeners",
            fmt::format("{} listens on {} port(s)", holder_of(*first.begin(), patient.owners), places.size()));
}

std::vector<Family> families_to_prove(const CaptureSettings& settings) {
  std::vector<Family> families;
  for (const Family family : {Family::kIpv4, Family::kIpv6}) {
    const bool is_ipv4 = family == Family::kIpv4;
    const bool is_wanted = settings.ip_family != (is_ipv4 ? IpFamily::kIpv6 : IpFamily::kIpv4);
    if (is_wanted && (settings.ip_family != IpFamily::kAuto || kernel_has(family))) families.push_back(family);
  }
  return families;
}

// Empty: the connection came to `run`. It takes a probe without a word and ends it.
std::string unproven(const Endpoint& probe) {
  const std::string target = "a connection to " + probe.to_string();
  switch (connect_and_listen(probe)) {
    case Attempt::kEnded: return {};
    case Attempt::kRefused: return target + " was refused, so no rule of these settings leads it to `run`";
    case Attempt::kTimedOut: return target + " was not answered";
    case Attempt::kReset: return target + " was reset: `run` has no room for it, or somebody else answered";
    case Attempt::kStayed: return target + " was answered by somebody else than `run`, or `run` hangs";
    case Attempt::kImpossible: break;
  }
  return {};  // no such address here: `run` does not prove this family either
}

Check self_test(const Patient& patient) {
  const std::uint16_t port = probe_port(patient.settings.capture);
  const auto own = listeners_at(patient.tcp, port);
  if (!own.empty()) {
    return failed("self-test", ExitCode::kFailure,
                  fmt::format("{} listens on the probe port {} itself", holder_of(*own.begin(), patient.owners), port),
                  "let it listen elsewhere, or change a capture setting: the port is derived from all of them");
  }
  for (const Family family : families_to_prove(patient.settings.capture)) {
    const std::string why = unproven({IpAddress::loopback(address_family(family)), port});
    if (why.empty()) continue;
    return failed("self-test", ExitCode::kVerificationFailed, why,
                  "run `sidelock init` in this pod with the settings of `sidelock run`");
  }
  return ok("self-test", fmt::format("connections to the probe port {} arrive at `run`", port));
}

}  // namespace

Arrivals check_arrivals(const Patient& patient) {
  Arrivals arrivals;
  const Check listeners = check_listeners(patient);
  arrivals.checks.push_back(listeners);
  if (!patient.is_captured()) return arrivals;
  if (listeners.status != CheckStatus::kOk) {
    arrivals.checks.push_back(skipped("self-test", "`run` alone must listen on its ports for it"));
    return arrivals;
  }
  arrivals.checks.push_back(self_test(patient));
  arrivals.is_proven = arrivals.checks.back().status == CheckStatus::kOk;
  return arrivals;
}

}  // namespace sidelock
