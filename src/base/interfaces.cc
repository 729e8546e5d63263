// See interfaces.h.
#include "base/interfaces.h"

#include <algorithm>
#include <cstring>
#include <memory>

#include <ifaddrs.h>
#include <net/if.h>
#include <sys/socket.h>

#include "base/fd.h"

namespace sidelock {

namespace {

using AddressList = std::unique_ptr<ifaddrs, decltype(&::freeifaddrs)>;

AddressList address_list() {
  ifaddrs* list = nullptr;
  return {::getifaddrs(&list) == 0 ? list : nullptr, ::freeifaddrs};
}

}  // namespace

std::vector<InterfaceAddress> interface_addresses() {
  std::vector<InterfaceAddress> all;
  const AddressList list = address_list();
  for (const ifaddrs* entry = list.get(); entry != nullptr; entry = entry->ifa_next) {
    if (entry->ifa_addr == nullptr) continue;
    const int family = entry->ifa_addr->sa_family;
    if (family != AF_INET && family != AF_INET6) continue;
    sockaddr_storage address{};
    std::memcpy(&address, entry->ifa_addr, family == AF_INET ? sizeof(sockaddr_in) : sizeof(sockaddr_in6));
    all.push_back({entry->ifa_name, Endpoint::from_sockaddr(address).address});
  }
  return all;
}

std::vector<Interface> interfaces() {
  std::vector<Interface> all;
  const AddressList list = address_list();
  for (const ifaddrs* entry = list.get(); entry != nullptr; entry = entry->ifa_next) {
    // With a colon it is the label of an address (ip-address(8)), and no interface.
    if (std::strchr(entry->ifa_name, ':') != nullptr) continue;
    if (std::ranges::find(all, entry->ifa_name, &Interface::name) != all.end()) continue;
    all.push_back({entry->ifa_name, (entry->ifa_flags & IFF_UP) != 0});
  }
  return all;
}

bool has_loopback(int family) {
  const Fd fd{::socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0)};
  const SocketAddress address{{IpAddress::loopback(family), 0}};
  return fd && ::bind(fd.get(), address.get(), address.size()) == 0;
}

}  // namespace sidelock
