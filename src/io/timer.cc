// See timer.h.
#include "io/timer.h"

#include <utility>

namespace sidelock {

Timer::~Timer() { cancel(); }

void Timer::cancel() noexcept {
  if (queue_ != nullptr) queue_->cancel(*this);
}

void TimerQueue::arm(Timer& timer, Clock::time_point expiry) noexcept {
  timer.cancel();
  timer.expiry_ = expiry;
  timer.queue_ = this;
  first_ = meld(first_, &timer);
}

void TimerQueue::cancel(Timer& timer) noexcept {
  timer.queue_ = nullptr;
  Timer* const below = meld_all(std::exchange(timer.child_, nullptr));
  if (&timer == first_) {
    first_ = below;
    return;
  }
  Timer* const previous = std::exchange(timer.previous_, nullptr);
  Timer* const next = std::exchange(timer.next_, nullptr);
  (previous->child_ == &timer ? previous->child_ : previous->next_) = next;
  if (next != nullptr) next->previous_ = previous;
  first_ = meld(first_, below);
}

void TimerQueue::expire(Clock::time_point now) {
  while (first_ != nullptr && first_->expiry_ <= now) {
    Timer& due = *first_;
    cancel(due);
    due.on_expiry();
  }
}

// Of two heaps, each by its first one; either may be empty.
Timer* TimerQueue::meld(Timer* one, Timer* other) noexcept {
  if (one == nullptr) return other;
  if (other == nullptr) return one;
  if (other->expiry_ < one->expiry_) std::swap(one, other);
  other->previous_ = one;
  other->next_ = std::exchange(one->child_, other);
  if (other->next_ != nullptr) other->next_->previous_ = other;
  return one;
}

// In pairs first, and those from the last to the first: that is what keeps the heap shallow.
Timer* TimerQueue::meld_all(Timer* siblings) noexcept {
  Timer* pairs = nullptr;
  while (siblings != nullptr) {
    Timer* const one = siblings;
    Timer* const other = std::exchange(one->next_, nullptr);
    siblings = other == nullptr ? nullptr : std::exchange(other->next_, nullptr);
    one->previous_ = nullptr;
    if (other != nullptr) other->previous_ = nullptr;
    Timer* const pair = meld(one, other);
    pair->next_ = std::exchange(pairs, pair);
  }
  Timer* whole = nullptr;
  while (pairs != nullptr) {
    Timer* const next = std::exchange(pairs->next_, nullptr);
    whole = meld(whole, pairs);
    pairs = next;
  }
  return whole;
}

}  // namespace sidelock
