// See upstream_address.h.
#include "policy/upstream_address.h"

namespace sidelock {

AppAddress upstream_address(const PortPolicy& policy, const OriginalDestination& destination) {
  switch (policy.upstream) {
    case UpstreamMode::kLoopback:
      return {{IpAddress::loopback(destination.endpoint.address.family()), policy.app_port}};
    case UpstreamMode::kAddress: return {{policy.upstream_address, policy.app_port}};
    case UpstreamMode::kOriginal: break;
  }
  return {{destination.endpoint.address, policy.app_port}};
}

}  // namespace sidelock
