// What this namespace's routes say of an address.
#pragma once

#include <optional>
#include <string>

#include "base/address.h"

namespace sidelock {

struct Route {
  std::string interface;  // by which packets to the address leave; "lo" for an own address
  bool is_local = false;  // an address of this namespace, as `addrtype LOCAL` and `fib type local` mean it
};

// Asks the kernel (RTM_GETROUTE, rtnetlink(7)); takes no privilege. Nothing when there is no route.
std::optional<Route> route_to(const IpAddress& address);

}  // namespace sidelock
