// See timer.h.
#include "io/timer.h"

namespace sidelock {

Timer::~Timer() { cancel(); }

void Timer::cancel() noexcept {
  if (queue_ != nullptr) queue_->cancel(*this);
}

void TimerQueue::arm(Timer& timer, Clock::time_point expiry) {
  if (timer.queue_ != nullptr) cancel(timer);
  timer.expiry_ = expiry;
  heap_.push_back(&timer);
  timer.queue_ = this;
  place(heap_.size() - 1, &timer);
  sift_up(timer.index_);
}

void TimerQueue::cancel(Timer& timer) noexcept {
  const std::size_t hole = timer.index_;
  timer.queue_ = nullptr;
  Timer* const last = heap_.back();
  heap_.pop_back();
  if (last == &timer) return;
  place(hole, last);
  sift_up(hole);
  sift_down(last->index_);
}

void TimerQueue::expire(Clock::time_point now) {
  while (!heap_.empty() && heap_.front()->expiry_ <= now) {
    Timer& due = *heap_.front();
    cancel(due);
    due.on_expiry();
  }
}

void TimerQueue::place(std::size_t index, Timer* timer) noexcept {
  heap_[index] = timer;
  timer->index_ = index;
}

void TimerQueue::sift_up(std::size_t index) noexcept {
  Timer* const timer = heap_[index];
  while (index > 0) {
    const std::size_t parent = (index - 1) / 2;
    if (heap_[parent]->expiry_ <= timer->expiry_) break;
    place(index, heap_[parent]);
    index = parent;
  }
  place(index, timer);
}

void TimerQueue::sift_down(std::size_t index) noexcept {
  Timer* const timer = heap_[index];
  for (;;) {
    std::size_t child = 2 * index + 1;
    if (child >= heap_.size()) break;
    if (child + 1 < heap_.size() && heap_[child + 1]->expiry_ < heap_[child]->expiry_) ++child;
    if (timer->expiry_ <= heap_[child]->expiry_) break;
    place(index, heap_[child]);
    index = child;
  }
  place(index, timer);
}

}  // namespace sidelock
