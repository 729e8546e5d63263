// Timers of one reactor: a binary heap of intrusive timers, so that arming and cancelling allocate nothing per timer.
// One thread.
#pragma once

#include <chrono>
#include <cstddef>
#include <vector>

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
  std::size_t index_ = 0;
  Clock::time_point expiry_;
};

class TimerQueue {
 public:
  void arm(Timer& timer, Clock::time_point expiry);  // re-arms when it is armed already
  void cancel(Timer& timer) noexcept;
  void expire(Clock::time_point now);  // calls on_expiry() of all that are due

  [[nodiscard]] bool empty() const noexcept { return heap_.empty(); }
  [[nodiscard]] Clock::time_point next_expiry() const { return heap_.front()->expiry_; }  // not when empty

 private:
  void place(std::size_t index, Timer* timer) noexcept;
  void sift_up(std::size_t index) noexcept;
  void sift_down(std::size_t index) noexcept;

  std::vector<Timer*> heap_;  // earliest first
};

}  // namespace sidelock
