// See workplace.h.
#include "proxy/workplace.h"

#include <algorithm>

namespace sidelock {

namespace {

// In a turn. A look that asks the kernel does so up to six times, which takes 6 us; the others only read memory.
constexpr std::size_t kMostCostlyLooks = 100;
constexpr std::size_t kMostLooks = 10'000;

}  // namespace

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
                     [this](Clock::time_point since) { return look_after_some(since); }} {}

bool Workplace::is_our_upstream(const ClientAddress& client, const OriginalDestination& destination) {
  // With preserved sources our own connections come from addresses that are not ours.
  return (settings_.capture.is_source_preserved || is_own_address(client.endpoint.address)) &&
         shared_.upstream_connections.contains({client.endpoint, destination.endpoint});
}

// From the last one down: whoever takes the place of one that has gone has been looked after already.
SilenceWatch::Found Workplace::look_after_some(Clock::time_point since) {
  if (still_to_look_after_ == 0) still_to_look_after_ = residents_.size();
  still_to_look_after_ = std::min(still_to_look_after_, residents_.size());
  bool is_needed = false;
  std::size_t costly_looks = 0;
  for (std::size_t looks = 0; looks < kMostLooks && costly_looks < kMostCostlyLooks && still_to_look_after_ > 0;
       ++looks) {
    const Resident::Look look = residents_[--still_to_look_after_]->look_after(since);
    is_needed |= look.is_needed;
    costly_looks += look.is_costly ? 1 : 0;
  }
  return {.is_last = still_to_look_after_ == 0, .is_needed = is_needed};
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
