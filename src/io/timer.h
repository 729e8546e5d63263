// Timers of one reactor: a pairing heap of intrusive timers, so that arming and cancelling take no memory and cannot
// fail. One thread.
#pragma once

#include <chrono>

namespace sidelock {

using Clock = std::chrono::steady_clock;

class TimerQueue;

// Something that happens at a time. Cancels itself when destroyed; the queue must outlive it. Not movable while armed.
class Timer {
 public:
  Timer() = default;
  Timer(const Timer&) = delete;
  Timer& operator=(const Timer&) = delete;
  virtual ~Timer();

  [[nodiscard]] bool is_armed() const noexcept { return queue_ != nullptr; }
  void cancel() noexcept;

 protected:
  virtual void on_expiry() = 0;  // the timer is no longer armed; it may arm itself again, or be destroyed

 private:
  friend class TimerQueue;
  TimerQueue* queue_ = nullptr;
  // In the heap: none below expires earlier. The first of those right below, the next one beside, and the one before:
  // beside, or above the first.
  Timer* child_ = nullptr;
  Timer* next_ = nullptr;
  Timer* previous_ = nullptr;
  Clock::time_point expiry_;
};

class TimerQueue {
 public:
  void arm(Timer& timer, Clock::time_point expiry) noexcept;  // re-arms when it is armed already
  void cancel(Timer& timer) noexcept;
  void expire(Clock::time_point now);  // calls on_expiry() of all that are due

  [[nodiscard]] bool empty() const noexcept { return first_ == nullptr; }
  [[nodiscard]] Clock::time_point next_expiry() const noexcept { return first_->expiry_; }  // not when empty

 private:
  static Timer* meld(Timer* one, Timer* other) noexcept;
  static Timer* meld_all(Timer* siblings) noexcept;

  Timer* first_ = nullptr;
};

}  // namespace sidelock
