// The addresses of this network namespace, so that a captured connection is relayed only to the pod itself.
#pragma once

#include <vector>

#include "base/address.h"
#include "io/timer.h"

namespace sidelock {

// One thread. Reads the interfaces anew when an address is unknown, at most ten times a second, so that one added after
// the start is found.
class OwnAddresses {
 public:
  bool contains(const IpAddress& address, Clock::time_point now);

 private:
  void read();

  std::vector<IpAddress> addresses_;
  Clock::time_point second_began_{};
  int reads_this_second_ = 0;
};

}  // namespace sidelock
