// See own_addresses.h.
#include "proxy/own_addresses.h"

#include <algorithm>

#include "base/interfaces.h"

namespace sidelock {

namespace {
constexpr int kReadsPerSecond = 10;
}

bool OwnAddresses::contains(const IpAddress& address, Clock::time_point now) {
  const auto is_address = [&](const IpAddress& own) {
    return own.bytes() == address.bytes() && own.family() == address.family();
  };
  if (std::ranges::any_of(addresses_, is_address)) return true;
  if (now - second_began_ >= std::chrono::seconds{1}) {
    second_began_ = now;
    reads_this_second_ = 0;
  }
  if (++reads_this_second_ > kReadsPerSecond) return false;
  read();
  return std::ranges::any_of(addresses_, is_address);
}

// What the kernel does not tell now leaves what it told before.
void OwnAddresses::read() {
  const std::vector<InterfaceAddress> all = interface_addresses();
  if (all.empty()) return;
  std::vector<IpAddress> addresses;
  for (const InterfaceAddress& entry : all) addresses.push_back(entry.address);
  addresses_.swap(addresses);
}

}  // namespace sidelock
