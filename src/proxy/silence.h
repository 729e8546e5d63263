// Looks for peers that have gone silent with bytes under way, at most four times within --tcp-user-timeout, and only
// while bytes have moved lately or are unanswered: quiet connections cost nothing. docs/decisions/0011-silent-peers.md.
#pragma once

#include <algorithm>
#include <chrono>
#include <functional>

#include "io/timer.h"

namespace sidelock {

// One worker's; one thread. The queue outlives it.
class SilenceWatch final : public Timer {
 public:
  // `look(since)` looks after every connection, given when it did so before, and tells whether that is needed again. A
  // limit of zero: never.
  using Look = std::function<bool(Clock::time_point since)>;
  SilenceWatch(TimerQueue& timers, std::chrono::milliseconds limit, Look look)
      : timers_{timers}, limit_{limit}, look_{std::move(look)} {}

  void note_activity(Clock::time_point now) {
    if (!is_armed() && limit_.count() > 0) timers_.arm(*this, now + pause());
  }
  [[nodiscard]] std::chrono::milliseconds limit() const noexcept { return limit_; }

 private:
  [[nodiscard]] std::chrono::milliseconds pause() const { return std::max(limit_ / 4, std::chrono::milliseconds{100}); }
  void on_expiry() override {
    const Clock::time_point now = Clock::now();
    if (look_(looked_at_)) timers_.arm(*this, now + pause());
    looked_at_ = now;
  }

  TimerQueue& timers_;
  std::chrono::milliseconds limit_;
  Look look_;
  Clock::time_point looked_at_{};
};

}  // namespace sidelock
