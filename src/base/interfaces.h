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

struct Interface {
  std::string name;
  bool is_up = false;
};

// Every interface once, lo among them, in the kernel's order; nothing when the kernel does not tell. Any thread.
std::vector<Interface> interfaces();

// Whether 127.0.0.1 (AF_INET) or ::1 (AF_INET6) can be used here: a pod of one family may lack the other.
bool has_loopback(int family);

}  // namespace sidelock
