// See admin_settings.h.
#include "config/admin_settings.h"

#include <algorithm>

#include <fmt/format.h>

#include "config/capture_contract.h"
#include "config/port_ranges.h"

namespace sidelock {

namespace {

constexpr std::string_view kAllowedAddress = "ADDRESS:PORT such as [::]:19080 or 127.0.0.1:19080, or none";
constexpr std::string_view kAllowedPort = "a port that is neither captured nor listened on, or none";

std::optional<Endpoint> parse_address(const SettingValue& value) {
  if (value.text == "none") return std::nullopt;
  const std::string_view text = value.text;
  const std::size_t colon = text.rfind(':');
  if (colon == std::string_view::npos) refuse(value, text, "is not an address with a port", kAllowedAddress);
  const std::string_view host = text.substr(0, colon);
  // Without its brackets an IPv6 address cannot be told from the port behind it.
  const bool is_ambiguous = !host.starts_with('[') && host.find(':') != std::string_view::npos;
  const auto address = is_ambiguous ? std::nullopt : IpAddress::parse(host);
  const auto port = port_from(text.substr(colon + 1));
  if (!address || !port || address->is_multicast()) {
    refuse(value, text, "is not an address with a port", kAllowedAddress);
  }
  return Endpoint{*address, *port};
}

void check_port(const SettingValue& value, const Endpoint& endpoint, const Settings& settings) {
  const std::uint16_t port = endpoint.port;
  for (const ExplicitListener& listener : settings.listeners) {
    if (listener.port == port) refuse(value, value.text, "has a port that --listen has too", kAllowedPort);
  }
  const CaptureSettings& capture = settings.capture;
  if (capture.mode == CaptureMode::kNone) return;
  const bool is_unreachable_anyway = capture.is_any_port && endpoint.address.is_loopback();
  if (contains(capture.ports, port) && !is_unreachable_anyway) {
    refuse(value, value.text, "has a port of --ports, so that nobody would reach it", kAllowedPort);
  }
  const std::size_t last = capture.capture_port_base + count_capture_ports(capture);
  if (port + 1U >= capture.capture_port_base && port <= last) {
    refuse(value, value.text,
           fmt::format("has a port from {} to {}, which capture uses", capture.capture_port_base - 1, last),
           kAllowedPort);
  }
  if (port == probe_port(capture)) {
    refuse(value, value.text, "has the port of the probe rule, which --ports and its like decide", kAllowedPort);
  }
}

}  // namespace

AdminSettings admin_settings(const SettingValues& values) {
  AdminSettings admin;
  admin.address = parse_address(values.of("admin-address"));
  admin.status_address = parse_address(values.of("status-address"));
  constexpr std::string_view kAllowed = "valid-certificate, or nothing";
  for (const std::string& need : parse_list(values.of("ready-needs"), kAllowed)) {
    if (need != "valid-certificate")
      refuse(values.of("ready-needs"), need, "is nothing that readiness knows", kAllowed);
    admin.is_valid_certificate_needed = true;
  }
  return admin;
}

void check_admin_settings(const SettingValues& values, const Settings& settings) {
  const AdminSettings& admin = settings.admin;
  const SettingValue& status = values.of("status-address");
  if (admin.address) check_port(values.of("admin-address"), *admin.address, settings);
  if (admin.status_address) check_port(status, *admin.status_address, settings);
  if (admin.address && admin.status_address && admin.address->port == admin.status_address->port) {
    refuse(status, status.text, "has the port of --admin-address", kAllowedPort);
  }
}

}  // namespace sidelock
