// See original_destination.h.
#include "proxy/original_destination.h"

#include <netinet/in.h>
#include <sys/socket.h>

namespace sidelock {

namespace {
// Both families use the number 80; the kernel's headers that say so clash with the C library's.
constexpr int kSoOriginalDst = 80;
}  // namespace

std::optional<OriginalDestination> original_destination(int socket, const ClientAddress& client) {
  // The listener is an IPv6 socket for both families; for an IPv4 client only SOL_IP has the answer.
  const int level = client.endpoint.address.is_ipv4() ? SOL_IP : SOL_IPV6;
  sockaddr_storage address{};
  socklen_t size = sizeof address;
  if (::getsockopt(socket, level, kSoOriginalDst, &address, &size) != 0) return std::nullopt;
  return OriginalDestination{Endpoint::from_sockaddr(address)};
}

OriginalDestination local_destination(int socket) {
  sockaddr_storage address{};
  socklen_t size = sizeof address;
  if (::getsockname(socket, reinterpret_cast<sockaddr*>(&address), &size) != 0) return {};
  return {Endpoint::from_sockaddr(address)};
}

std::optional<OriginalDestination> captured_destination(CaptureMode mode, int socket, const ClientAddress& client) {
  return mode == CaptureMode::kTproxy ? local_destination(socket) : original_destination(socket, client);
}

}  // namespace sidelock
