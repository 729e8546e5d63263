// See own_addresses.h.
#include "proxy/own_addresses.h"

#include <algorithm>
#include <cstring>
#include <memory>

#include <ifaddrs.h>

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

void OwnAddresses::read() {
  ifaddrs* list = nullptr;
  if (::getifaddrs(&list) != 0) return;
  const std::unique_ptr<ifaddrs, decltype(&::freeifaddrs)> owned{list, ::freeifaddrs};
  addresses_.clear();
  for (const ifaddrs* entry = list; entry != nullptr; entry = entry->ifa_next) {
    if (entry->ifa_addr == nullptr) continue;
    const int family = entry->ifa_addr->sa_family;
    if (family != AF_INET && family != AF_INET6) continue;
    sockaddr_storage address{};
    std::memcpy(&address, entry->ifa_addr, family == AF_INET ? sizeof(sockaddr_in) : sizeof(sockaddr_in6));
    addresses_.push_back(Endpoint::from_sockaddr(address).address);
  }
}

}  // namespace sidelock
