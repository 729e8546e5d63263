// Looks for peers that have gone silent with bytes under way, at most four times within --tcp-user-timeout, and only
// while bytes have moved lately or are unanswered: quiet connections cost nothing. docs/decisions/0011-silent-peers.md.
#pragma once

#include <algorithm>
#include <chrono>
#include <functional>
#include <utility>

#include "io/timer.h"

namespace sidelock {

// One worker's; one thread. The queue outlives it.
class SilenceWatch final : public Timer {
 public:
  // What a look has found: whether it was the last one of its round, and whether another round is needed.
  struct Found {
    bool is_last;
    bool is_needed;
  };
  // `look(since)` looks after a few connections more, given when the round before began; a round, which looks after
  // every connection, is as many calls as it takes. A limit of zero: never.
  using Look = std::function<Found(Clock::time_point since)>;
  SilenceWatch(TimerQueue& timers, std::chrono::milliseconds limit, Look look)
      : timers_{timers}, limit_{limit}, look_{std::move(look)} {}

  void note_activity(Clock::time_point now) {
    is_needed_ = true;
    if (!is_armed() && limit_.count() > 0) timers_.arm(*this, now + pause());
  }
  [[nodiscard]] std::chrono::milliseconds limit() const noexcept { return limit_; }

 private:
  // Between the looks of a round: others have their turn.
  static constexpr std::chrono::milliseconds kBreath{1};

  [[nodiscard]] std::chrono::milliseconds pause() const { return std::max(limit_ / 4, std::chrono::milliseconds{100}); }
  void on_expiry() override {
    const Clock::time_point now = Clock::now();
    if (!std::exchange(is_in_round_, true)) {
      since_ = std::exchange(began_at_, now);
      is_needed_ = false;
    }
    const Found found = look_(since_);
    is_needed_ |= found.is_needed;
    is_in_round_ = !found.is_last;
    if (is_in_round_) {
      timers_.arm(*this, now + kBreath);
    } else if (is_needed_) {
      timers_.arm(*this, std::max(began_at_ + pause(), now + kBreath));
    }
  }

  TimerQueue& timers_;
  std::chrono::milliseconds limit_;
  Look look_;
  Clock::time_point began_at_{};  // the round that is under way, or the last one
  Clock::time_point since_{};     // when the one before it began
  bool is_in_round_ = false;
  bool is_needed_ = false;  // another round: bytes have moved, or are unanswered
};

}  // namespace sidelock
