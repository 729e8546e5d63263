// See capture_ports.h.
#include "config/capture_ports.h"

#include <optional>

#include <fmt/format.h>

#include "base/error.h"
#include "config/admin_settings.h"
#include "config/capture_contract.h"
#include "config/port_ranges.h"

namespace sidelock {

namespace {

constexpr unsigned kLastCapturePort = 29999;  // above begin the NodePorts of Kubernetes

[[noreturn]] void usage(const std::string& message) { throw Failure{ExitCode::kUsage, message}; }

PortRange capture_ports_of(const CaptureSettings& capture) {
  return {capture.capture_port_base,
          static_cast<std::uint16_t>(capture.capture_port_base + count_capture_ports(capture) - 1U)};
}

void check_room(const SettingValues& values, const CaptureSettings& capture) {
  const SettingValue& base = values.of("capture-port-base");
  const std::size_t ports = count_capture_ports(capture);
  const std::size_t last = capture.capture_port_base + ports;
  const std::string room = fmt::format(
      "a port so that the {} ports from it and one on either side are free and at most {}", ports, kLastCapturePort);
  if (last > kLastCapturePort) {
    refuse(base, base.text, fmt::format("is too high: {} captured ports would reach {}", ports, last), room);
  }
  // `*` takes what is beside a capture port too: left out, it would be open in plain text.
  for (std::size_t port = capture.capture_port_base - 1U; port <= last && !capture.is_any_port; ++port) {
    if (contains(capture.ports, static_cast<unsigned>(port))) {
      refuse(base, base.text, fmt::format("makes {} a port of ours, but --ports has it", port), room);
    }
  }
  static_cast<void>(probe_port(capture));  // throws when --ports leaves none
}

// TPROXY looks at each packet by itself and takes the answers to our own connections from such a port for a client's.
void check_outgoing(const SettingValues& values, const LocalPorts& local, const CaptureSettings& capture) {
  const std::vector<PortRange> harmless = without(capture.ports, without({local.outgoing}, local.reserved));
  const std::vector<PortRange> harmful = without(capture.ports, harmless);
  if (harmful.empty()) return;
  const std::string item = std::to_string(harmful.front().first);
  refuse(values.of("ports"), item,
         "is a port of outgoing connections (net.ipv4.ip_local_port_range), whose answers tproxy would capture",
         fmt::format("ports outside of {}-{}, ports of net.ipv4.ip_local_reserved_ports, or --capture redirect",
                     local.outgoing.first, local.outgoing.last));
}

}  // namespace

void parse_capture_ports(const SettingValues& values, const LocalPorts& local, CaptureSettings& capture) {
  const SettingValue& ports = values.of("ports");
  capture.is_any_port = ports.text == "*";
  capture.ports = capture.is_any_port ? without({{1, 65535}}, {local.outgoing}) : parse_ports(ports);
  if (capture.is_any_port) capture.ports = without(capture.ports, {capture_ports_of(capture)});
  const AdminSettings admin = admin_settings(values);
  for (const std::optional<Endpoint>& own : {admin.address, admin.status_address}) {
    // The port of one on loopback stays captured: left out, it would be open in plain text at the pod's addresses.
    const bool is_reached_from_outside = own && (own == admin.address || !own->address.is_loopback());
    if (capture.is_any_port && is_reached_from_outside)
      capture.ports = without(capture.ports, {{own->port, own->port}});
  }
  capture.ports = without(capture.ports, parse_ports(values.of("exclude-ports")));
}

void check_capture_ports(const SettingValues& values, const LocalPorts& local, const CaptureSettings& capture) {
  if (!values.is_given("ports")) {
    usage(fmt::format("--ports: is required with --capture {}; allowed: such as --ports 80,8000-8010, or *",
                      values.of("capture").text));
  }
  if (capture.ports.empty())
    usage(fmt::format("{}: --exclude-ports leaves no port of --ports \"{}\"; allowed: at least one",
                      values.of("exclude-ports").where, values.of("ports").text));
  check_room(values, capture);
  if (capture.mode == CaptureMode::kTproxy) check_outgoing(values, local, capture);
}

}  // namespace sidelock
