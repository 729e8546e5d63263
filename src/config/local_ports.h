// The ports that this kernel gives to outgoing connections.
#pragma once

#include <vector>

#include "config/settings.h"

namespace sidelock {

struct LocalPorts {
  PortRange outgoing{32768, 60999};  // net.ipv4.ip_local_port_range, for both families
  std::vector<PortRange> reserved;   // net.ipv4.ip_local_reserved_ports: never chosen by the kernel; normalised
};

// Of this network namespace; the kernel's defaults where they cannot be read.
LocalPorts read_local_ports();

}  // namespace sidelock
