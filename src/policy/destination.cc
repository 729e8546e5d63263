// See destination.h.
#include "policy/destination.h"

#include <algorithm>

#include "config/capture_contract.h"
#include "config/port_ranges.h"

namespace sidelock {

DestinationPolicy::DestinationPolicy(const Settings& settings)
    : captured_{settings.captured_ports},
      any_port_{settings.capture.is_any_port ? &settings.any_port : nullptr},
      ports_{settings.capture.ports},
      first_capture_port_{settings.capture.capture_port_base},
      capture_ports_{count_capture_ports(settings.capture)},
      probe_port_{probe_port(settings.capture)},
      status_port_{settings.admin.status_address ? settings.admin.status_address->port : std::uint16_t{0}} {}

Judgement DestinationPolicy::judge(const Arrival& arrival) const {
  const Endpoint& destination = arrival.destination.endpoint;
  if (arrival.is_client_our_upstream) return {Verdict::kLoop, nullptr};
  if (destination.port == probe_port_ && destination.address.is_loopback()) return {Verdict::kProbe, nullptr};
  const bool is_capture_port =
      destination.port >= first_capture_port_ && destination.port < first_capture_port_ + capture_ports_;
  if (is_capture_port) return {Verdict::kNotCaptured, nullptr};
  const IpAddress& address = destination.address;
  if (address.is_loopback() || address.is_multicast() || address.is_unspecified() || !arrival.is_destination_own) {
    return {Verdict::kForeignDestination, nullptr};
  }
  // With --ports '*' it is captured, and an upstream on loopback would lead a client to the status page.
  if (destination.port == status_port_) return {Verdict::kNotConfigured, nullptr};
  const auto found = std::ranges::lower_bound(captured_, destination.port, {}, &CapturedPort::port);
  if (found != captured_.end() && found->port == destination.port) return {Verdict::kServe, &found->policy};
  if (any_port_ != nullptr && contains(ports_, destination.port)) return {Verdict::kServe, any_port_};
  return {Verdict::kNotConfigured, nullptr};
}

}  // namespace sidelock
