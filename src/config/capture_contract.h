// What `init` and `run` must agree on without talking to each other: which capture port serves an app port, and the
// probe port by which `run` proves that `init` ran with these very settings. Pure functions of CaptureSettings.
#pragma once

#include <cstdint>
#include <vector>

#include "config/settings.h"

namespace sidelock {

// The captured ports one by one, ascending; the i-th one's capture port is capture_port_base + i.
std::vector<std::uint16_t> expand(const std::vector<PortRange>& ports);

// The port of the probe rule (nat OUTPUT, lo only): a connection to 127.0.0.1 or ::1 on it reaches the first capture
// port only when the rules in the kernel were made from these settings. Derived from a hash of all settings that shape
// the rules, inside 20000-28191, outside the captured ports and the capture ports. Throws Failure{kUsage} when those
// leave none.
std::uint16_t probe_port(const CaptureSettings& settings);

}  // namespace sidelock
