// What `init` and `run` must agree on without talking to each other: which capture port serves an app port, and the
// probe port by which `run` proves that `init` ran with these very settings. Pure functions of CaptureSettings.
#pragma once

#include <cstdint>
#include <vector>

#include "config/settings.h"

namespace sidelock {

// The captured ports one by one, ascending.
std::vector<std::uint16_t> expand(const std::vector<PortRange>& ports);

// How many capture ports there are, capture_port_base the first. Under redirect the i-th captured port has the i-th,
// because a shared one would take the client's source port from it. With --ports '*' there would be too many, and under
// tproxy each connection keeps its own port: then all captured ports share the first capture port.
std::size_t count_capture_ports(const CaptureSettings& settings);

// The port of the probe rule, for connections over lo only: one to 127.0.0.1 or ::1 on it reaches the first capture
// port only when the rules in the kernel were made from these settings. Under redirect the rule is in nat OUTPUT
// (`-o lo`, REDIRECT), under tproxy in mangle PREROUTING (`-i lo`, TPROXY), so that nothing there starts connection
// tracking. Derived from a hash of all settings that shape the rules, inside 20000-28191, outside the capture ports and
// outside the captured ports unless those are all. Throws Failure{kUsage} when they leave none.
std::uint16_t probe_port(const CaptureSettings& settings);

}  // namespace sidelock
