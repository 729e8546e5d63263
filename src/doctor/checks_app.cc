// Whether the app is there, and where. See checks.h.
#include <algorithm>
#include <map>
#include <optional>
#include <set>

#include <fmt/format.h>

#include "config/port_ranges.h"
#include "doctor/attempt.h"
#include "doctor/checks.h"
#include "policy/upstream_address.h"

namespace sidelock {

namespace {

constexpr std::size_t kMostAttempts = 256;  // of connecting, each of which may last a second

bool is_family_wanted(const CaptureSettings& capture, const IpAddress& address) {
  return capture.ip_family != (address.is_ipv4() ? IpFamily::kIpv6 : IpFamily::kIpv4);
}

// Where `run` would dial for clients of every address that they can dial.
std::set<Endpoint> upstreams_of(const Patient& patient, const CapturedPort& captured) {
  std::set<Endpoint> upstreams;
  for (const InterfaceAddress& own : patient.addresses) {
    const IpAddress& address = own.address;
    if (address.is_loopback() || address.is_link_local()) continue;
    if (!is_family_wanted(patient.settings.capture, address)) continue;
    upstreams.insert(upstream_address(captured.policy, {{address, captured.port}}).endpoint);
  }
  return upstreams;
}

std::set<Endpoint> upstreams_of(const ExplicitListener& pair) {
  std::set<Endpoint> upstreams;
  for (const int family : {AF_INET, AF_INET6}) {
    const IpAddress dialled = pair.address.value_or(IpAddress::loopback(family));
    if (dialled.family() == family) upstreams.insert(upstream_address(pair.policy, {{dialled, pair.port}}).endpoint);
  }
  return upstreams;
}

std::string listed(const std::vector<Endpoint>& endpoints) {
  std::string text;
  for (const Endpoint& endpoint : endpoints) text += (text.empty() ? "" : ", ") + endpoint.to_string();
  return text;
}

std::vector<Endpoint> listeners_on(const Patient& patient, std::uint16_t port) {
  std::vector<Endpoint> found;
  for (const WaitingSocket& socket : patient.tcp) {
    const bool is_new = std::ranges::find(found, socket.local) == found.end();
    if (socket.local.port == port && is_new) found.push_back(socket.local);
  }
  return found;
}

// What would reach an app that listens on these addresses alone.
std::string fitting_upstream(const std::vector<Endpoint>& listeners) {
  const IpAddress& address = listeners.front().address;
  const std::string choice = address.is_loopback()      ? "loopback"
                             : address.is_unspecified() ? "original"
                                                        : address.to_string();
  return "--upstream " + choice + ", or let the app listen on all addresses";
}

struct Served {
  std::vector<Endpoint> reached;
  std::vector<Endpoint> refused;
};

Served try_all(const std::set<Endpoint>& upstreams) {
  Served served;
  for (const Endpoint& upstream : upstreams) {
    (connect_to(upstream) == Attempt::kStayed ? served.reached : served.refused).push_back(upstream);
  }
  return served;
}

// Nothing when the app is reached wherever clients may dial.
std::optional<Check> judge(const Patient& patient, const std::set<Endpoint>& upstreams, bool has_choice) {
  const Served served = try_all(upstreams);
  if (served.refused.empty()) return std::nullopt;
  const std::vector<Endpoint> listeners = listeners_on(patient, served.refused.front().port);
  const std::string where =
      listeners.empty() ? "nobody listens there" : "the app listens on " + listed(listeners) + " only";
  if (!served.reached.empty()) {
    return warning(
        "app",
        fmt::format("it is reached at {}, and not at {}: {}", listed(served.reached), listed(served.refused), where),
        "let the app listen on the other address as well, if clients may dial it");
  }
  return failed("app", ExitCode::kFailure, fmt::format("`run` dials {}: {}", listed(served.refused), where),
                listeners.empty() || !has_choice
                    ? "start the app, or say where it is: " + std::string{has_choice ? "--map, --upstream" : "--listen"}
                    : fitting_upstream(listeners));
}

// The ports of a range that the app listens on; one of them when it listens on none, so that this is told.
std::vector<const CapturedPort*> ports_to_try(const Patient& patient, const PortRange& range) {
  std::vector<const CapturedPort*> served;
  const CapturedPort* first = nullptr;
  for (const CapturedPort& captured : patient.settings.captured_ports) {
    if (captured.port < range.first || captured.port > range.last) continue;
    if (first == nullptr) first = &captured;
    if (!listeners_on(patient, captured.policy.app_port).empty()) served.push_back(&captured);
  }
  if (served.empty() && first != nullptr) served.push_back(first);
  return served;
}

// With --ports '*' there is no list of what should be there.
Check check_any_app(const Patient& patient) {
  const auto is_captured = [&](const WaitingSocket& socket) {
    return contains(patient.settings.capture.ports, socket.local.port);
  };
  const auto listeners = std::ranges::count_if(patient.tcp, is_captured);
  if (listeners > 0) return ok("app", fmt::format("{} socket(s) listen on captured ports", listeners));
  return failed("app", ExitCode::kFailure, "nobody listens on any captured port", "start the app");
}

Check check_captured_app(const Patient& patient) {
  if (patient.settings.capture.is_any_port) return check_any_app(patient);
  std::size_t tried = 0;
  std::string unserved;
  std::optional<Check> worst;
  for (const PortRange& range : patient.settings.capture.ports) {
    const std::vector<const CapturedPort*> ports = ports_to_try(patient, range);
    for (const CapturedPort* const captured : ports) {
      if (++tried > kMostAttempts) break;
      const auto found = judge(patient, upstreams_of(patient, *captured), true);
      if (found && (!worst || found->code != ExitCode::kOk)) worst = found;
      if (worst && worst->code != ExitCode::kOk) return *worst;
    }
    // Of a range, ports without an app are to be expected; a port on its own has been tried above.
    const std::size_t without = std::size_t{range.last} - range.first + 1 - ports.size();
    if (without > 0) unserved += fmt::format("; nobody on {} port(s) of {}-{}", without, range.first, range.last);
  }
  if (worst) return *worst;
  return ok("app",
            fmt::format("reached on {} port(s) where `run` dials it{}", std::min(tried, kMostAttempts), unserved));
}

Check check_explicit_app(const Patient& patient) {
  std::optional<Check> worst;
  for (const ExplicitListener& pair : patient.settings.listeners) {
    const auto found = judge(patient, upstreams_of(pair), false);
    if (found && found->code != ExitCode::kOk) return *found;
    if (found) worst = found;
  }
  return worst.value_or(ok("app", "reached where `run` dials it"));
}

Check check_udp(const Patient& patient) {
  const auto found = std::ranges::find_if(patient.udp, [&](const WaitingSocket& socket) {
    return contains(patient.settings.capture.ports, socket.local.port);
  });
  if (found == patient.udp.end()) return ok("udp", "nobody waits for UDP on a captured port");
  return warning(
      "udp",
      fmt::format("somebody waits for UDP on {}: QUIC (HTTP/3) and whatever else is not TCP passes by sidelock",
                  found->local.to_string()),
      "switch HTTP/3 off in the app, or refuse UDP by a NetworkPolicy, unless it encrypts by itself");
}

}  // namespace

Checks check_app(const Patient& patient) {
  if (!patient.is_captured()) return {check_explicit_app(patient)};
  return {check_captured_app(patient), check_udp(patient)};
}

}  // namespace sidelock
