// A number of places that coroutines of one reactor take turns in: first come, first served.
#pragma once

#include <cstddef>

#include "io/reactor.h"

namespace sidelock {

// One thread. The reactor outlives it; nobody waits any more when it is destroyed.
class Slots {
 public:
  Slots(Reactor& reactor, std::size_t count) noexcept : reactor_{reactor}, free_{count} {}

  // Holds a place that was taken, until it is destroyed.
  class Place {
   public:
    explicit Place(Slots& slots) noexcept : slots_{slots} {}
    Place(const Place&) = delete;
    Place& operator=(const Place&) = delete;
    ~Place() { slots_.give_back(); }

   private:
    Slots& slots_;
  };

  // `const Slots::Place place{co_await slots.take()};`
  auto take() noexcept {
    struct Awaiter {
      Slots& slots;
      Waiter waiter{};
      [[nodiscard]] bool await_ready() const noexcept {
        if (slots.free_ == 0) return false;
        --slots.free_;
        return true;
      }
      void await_suspend(std::coroutine_handle<> awaiting) noexcept {
        waiter.handle = awaiting;
        slots.waiting_.push(waiter);
      }
      Slots& await_resume() const noexcept { return slots; }
    };
    return Awaiter{*this};
  }
  [[nodiscard]] bool is_full() const noexcept { return free_ == 0; }

 private:
  // A place goes from hand to hand: nobody who comes later can take it in between.
  void give_back() noexcept {
    if (waiting_.empty()) {
      ++free_;
      return;
    }
    reactor_.schedule(waiting_.pop());
  }

  Reactor& reactor_;
  std::size_t free_;
  WaiterQueue waiting_;
};

}  // namespace sidelock
