// See route.h. One request and one answer; a library for it would be longer than this.
#include "doctor/route.h"

#include <array>
#include <cstring>

#include <linux/rtnetlink.h>
#include <net/if.h>
#include <sys/socket.h>

#include "base/fd.h"

namespace sidelock {

namespace {

struct Request {
  nlmsghdr header{};
  rtmsg route{};
  rtattr attribute{};
  std::array<std::uint8_t, 16> address{};
};

Request request_for(const IpAddress& address) {
  const std::size_t size = address.is_ipv4() ? sizeof(in_addr) : sizeof(in6_addr);
  Request request;
  request.header.nlmsg_len = static_cast<std::uint32_t>(offsetof(Request, address) + size);
  request.header.nlmsg_type = RTM_GETROUTE;
  request.header.nlmsg_flags = NLM_F_REQUEST;
  request.route.rtm_family = static_cast<unsigned char>(address.family());
  request.route.rtm_dst_len = static_cast<unsigned char>(size * 8);
  request.attribute.rta_len = static_cast<unsigned short>(RTA_LENGTH(size));
  request.attribute.rta_type = RTA_DST;
  request.address = address.bytes();
  return request;
}

template <class T>
T load(const char* from) {
  T value{};
  std::memcpy(&value, from, sizeof value);
  return value;
}

// The interface's number in the attributes behind the rtmsg; 0 when there is none.
unsigned outgoing_interface(const char* at, const char* end) {
  while (end - at >= static_cast<std::ptrdiff_t>(sizeof(rtattr))) {
    const auto attribute = load<rtattr>(at);
    if (attribute.rta_len < sizeof attribute || attribute.rta_len > end - at) return 0;
    if (attribute.rta_type == RTA_OIF) return load<unsigned>(at + RTA_LENGTH(0));
    at += RTA_ALIGN(attribute.rta_len);
  }
  return 0;
}

}  // namespace

std::optional<Route> route_to(const IpAddress& address) {
  const Fd socket{::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE)};
  const Request request = request_for(address);
  if (!socket || ::send(socket.get(), &request, request.header.nlmsg_len, 0) < 0) return std::nullopt;
  std::array<char, 8192> answer{};
  const ssize_t size = ::recv(socket.get(), answer.data(), answer.size(), 0);
  if (size < static_cast<ssize_t>(NLMSG_LENGTH(sizeof(rtmsg)))) return std::nullopt;
  if (load<nlmsghdr>(answer.data()).nlmsg_type != RTM_NEWROUTE) return std::nullopt;
  const auto route = load<rtmsg>(answer.data() + NLMSG_HDRLEN);
  if (route.rtm_type != RTN_UNICAST && route.rtm_type != RTN_LOCAL) return std::nullopt;
  const unsigned index = outgoing_interface(answer.data() + NLMSG_LENGTH(sizeof(rtmsg)), answer.data() + size);
  std::array<char, IF_NAMESIZE> name{};
  if (::if_indextoname(index, name.data()) == nullptr) return std::nullopt;
  return Route{name.data(), route.rtm_type == RTN_LOCAL};
}

}  // namespace sidelock
