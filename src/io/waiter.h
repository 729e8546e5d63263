// Suspended coroutines in lists of those that wait for one thing. The nodes live in the frames of the waiting, so that
// neither to wait nor to be woken takes memory: what ends a connection for lack of memory must not need any.
#pragma once

#include <coroutine>
#include <utility>

namespace sidelock {

struct Waiter {
  std::coroutine_handle<> handle;
  Waiter* next = nullptr;
};

// `co_await` on one waits until the reactor is told to schedule_all() of `list`.
struct WaitIn {
  Waiter*& list;
  Waiter waiter{};
  [[nodiscard]] bool await_ready() const noexcept { return false; }
  void await_suspend(std::coroutine_handle<> awaiting) noexcept {
    waiter = {awaiting, list};
    list = &waiter;
  }
  void await_resume() const noexcept {}
};

// First come, first served. One thread.
class WaiterQueue {
 public:
  [[nodiscard]] bool empty() const noexcept { return first_ == nullptr; }
  void push(Waiter& waiter) noexcept {
    waiter.next = nullptr;
    (first_ == nullptr ? first_ : last_->next) = &waiter;
    last_ = &waiter;
  }
  // Not when empty.
  Waiter& pop() noexcept { return *std::exchange(first_, first_->next); }
  // All of it, as a list.
  Waiter* take() noexcept { return std::exchange(first_, nullptr); }

 private:
  Waiter* first_ = nullptr;
  Waiter* last_ = nullptr;  // means something only while there is a first one
};

}  // namespace sidelock
