// Which ports --ports and --exclude-ports mean, `*` included, and what forbids them.
#pragma once

#include "config/local_ports.h"
#include "config/setting_values.h"

namespace sidelock {

// Sets `ports` and `is_any_port`; the capture ports are known already. `*` stands for every port but those of outgoing
// connections, whose answers would be captured, and our own. Throws Failure{kUsage} for malformed lists.
void parse_capture_ports(const SettingValues& values, const LocalPorts& local, CaptureSettings& capture);

// Throws Failure{kUsage} for --ports that are missing, all excluded, in the way of the capture ports, or, with tproxy,
// ports of outgoing connections.
void check_capture_ports(const SettingValues& values, const LocalPorts& local, const CaptureSettings& capture);

}  // namespace sidelock
