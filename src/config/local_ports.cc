// See local_ports.h. The formats are described in the kernel's Documentation/networking/ip-sysctl.rst.
#include "config/local_ports.h"

#include <fstream>
#include <string>

#include "config/parse_values.h"
#include "config/port_ranges.h"

namespace sidelock {

LocalPorts read_local_ports() {
  LocalPorts ports;
  unsigned first = 0;
  unsigned last = 0;
  std::ifstream range{"/proc/sys/net/ipv4/ip_local_port_range"};
  if (range >> first >> last && first <= last && last <= 65535) {
    ports.outgoing = {static_cast<std::uint16_t>(first), static_cast<std::uint16_t>(last)};
  }
  std::string list;
  std::ifstream reserved{"/proc/sys/net/ipv4/ip_local_reserved_ports"};
  if (std::getline(reserved, list)) ports.reserved = parse_ports({"net.ipv4.ip_local_reserved_ports", list});
  return ports;
}

}  // namespace sidelock
