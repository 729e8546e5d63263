// See workplace.h.
#include "proxy/workplace.h"

namespace sidelock {

Workplace::Workplace(const Settings& settings, std::size_t handshakes, Shared& shared,
                     std::shared_ptr<const TlsContext> context, OnProbe on_probe)
    : settings_{settings},
      shared_{shared},
      on_probe_{std::move(on_probe)},
      port_index_{settings},
      port_counters_(port_index_.size()),
      handshakes_{reactor_, handshakes},
      context_{std::move(context)},
      destination_policy_{settings},
      silence_watch_{reactor_.timers(), settings.limits.tcp_user_timeout,
                     [this](Clock::time_point since) { return look_after_all(since); }} {}

bool Workplace::is_our_upstream(const ClientAddress& client, const OriginalDestination& destination) {
  // With preserved sources our own connections come from addresses that are not ours.
  return (settings_.capture.is_source_preserved || is_own_address(client.endpoint.address)) &&
         shared_.upstream_connections.contains({client.endpoint, destination.endpoint});
}

bool Workplace::look_after_all(Clock::time_point since) {
  bool is_needed = false;
  for (Resident* const resident : residents_) is_needed |= resident->look_after(since);
  return is_needed;
}

void Workplace::add(Resident& resident) {
  resident.index_ = residents_.size();
  residents_.push_back(&resident);
  on_coming();
}

void Workplace::remove(Resident& resident) noexcept {
  residents_[resident.index_] = residents_.back();
  residents_[resident.index_]->index_ = resident.index_;
  residents_.pop_back();
  on_gone();
}

}  // namespace sidelock
