// A client's network namespace beside the test's own, joined to it by a pair of interfaces that are both called eth0.
// Without a name: the kernel removes it, and the interfaces with it, when this object goes.
#pragma once

#include <functional>

#include "base/address.h"
#include "base/fd.h"

namespace sidelock::test {

inline constexpr const char* kPeerIpv4 = "10.77.0.1";
inline constexpr const char* kPeerIpv6 = "fd77::1";
inline constexpr const char* kOwnIpv4 = "10.77.0.2";
inline constexpr const char* kOwnIpv6 = "fd77::2";

class Peer {
 public:
  Peer();  // both ends usable at once; a failure of the test when they are not

  // Connects from the peer: 0, or the errno of the attempt.
  [[nodiscard]] int connect(const Endpoint& destination) const;

 private:
  Fd namespace_;
};

}  // namespace sidelock::test
