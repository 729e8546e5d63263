// The addresses of this network namespace and the interfaces that carry them.
#pragma once

#include <string>
#include <vector>

#include "base/address.h"

namespace sidelock {

struct InterfaceAddress {
  std::string interface;
  IpAddress address;
};

// By getifaddrs(3): every IPv4 and IPv6 address; nothing when the kernel does not tell. Any thread.
std::vector<InterfaceAddress> interface_addresses();

}  // namespace sidelock
