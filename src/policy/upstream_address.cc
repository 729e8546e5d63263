// See upstream_address.h.
#include "policy/upstream_address.h"

namespace sidelock {

AppAddress upstream_address(const PortPolicy& policy, const OriginalDestination& destination) {
  const std::uint16_t port = policy.app_port != 0 ? policy.app_port : destination.endpoint.port;
  switch (policy.upstream) {
    case UpstreamMode::kLoopback: return {{IpAddress::loopback(destination.endpoint.address.family()), port}};
    case UpstreamMode::kAddress: return {{policy.upstream_address, port}};
    case UpstreamMode::kOriginal: break;
  }
  return {{destination.endpoint.address, port}};
}

bool can_preserve(const ClientAddress& client) noexcept {
  const IpAddress& address = client.endpoint.address;
  return address.is_ipv4() || !address.is_link_local();
}

}  // namespace sidelock
