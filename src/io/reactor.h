// One thread's event loop: edge-triggered epoll in which every descriptor is registered once, timers, and work posted
// from other threads. Everything but post() and stop() belongs to the thread that calls run().
#pragma once

#include <coroutine>
#include <functional>
#include <memory>
#include <mutex>
#include <vector>

#include "base/fd.h"
#include "base/pool.h"
#include "io/timer.h"
#include "io/waiter.h"

namespace sidelock {

// What is known about one registered descriptor. Edge-triggered: a flag stays set until a call has found out that it is
// no longer true, and is set again by the next event.
struct Watch : pool::Pooled {
  int fd = -1;
  bool readable = false;
  bool writable = true;  // a new socket's buffer is empty: the first send is tried without waiting
  // Whether the kernel has been asked to tell of room to write, which most sockets never have to wait for. Else it
  // would wake the loop for a socket whose bytes have been read by then, to say that it is writable.
  bool is_told_of_room = false;
  // The peer has shut down, an error is queued, or there is urgent data, at which the kernel ends a read: a short read
  // no longer means "drained".
  bool may_stop_short = false;
  Waiter* readers = nullptr;
  Waiter* writers = nullptr;
  std::unique_ptr<Watch> next_retired;
};

// Work that is made beforehand and then given to a reactor as often as it is wanted: that takes no memory. Outlives the
// reactor's run().
class Errand {
 public:
  explicit Errand(std::function<void()> work) : work_{std::move(work)} {}
  Errand(const Errand&) = delete;
  Errand& operator=(const Errand&) = delete;

 private:
  friend class Reactor;
  std::function<void()> work_;
  Errand* next_ = nullptr;
  bool is_posted_ = false;
};

class Reactor {
 public:
  Reactor();  // throws std::system_error when the process has no descriptors left
  Reactor(const Reactor&) = delete;
  Reactor& operator=(const Reactor&) = delete;
  ~Reactor();

  // Runs until stop(). Resumes coroutines, fires timers, runs posted work.
  void run();
  void stop() noexcept;  // any thread
  // Any thread. Work runs in the reactor's thread: in order, and it takes memory, or throws std::bad_alloc; an errand
  // runs once, however often it was posted until then.
  void post(std::function<void()> work);
  void post(Errand& errand) noexcept;

  // The time at the beginning of this turn of the loop: one clock reading serves all that happens in it.
  [[nodiscard]] Clock::time_point now() const noexcept { return now_; }
  TimerQueue& timers() noexcept { return timers_; }

  // Registers `fd` for good; closing it takes it out. The Watch is freed by retire(). Throws std::system_error.
  std::unique_ptr<Watch> watch(int fd);
  // Wakes the waiting writers of a socket as well, from now on; at first it is watched for bytes and for its end alone.
  // Throws std::system_error.
  void tell_of_room(Watch& watch);
  // Frees a Watch at the end of the turn, because the events of this turn may still name it.
  void retire(std::unique_ptr<Watch> watch) noexcept;

  // Resumes a coroutine, or all of a list, later in this turn or in the next one, never inside the call. It waits for
  // nothing else until then.
  void schedule(Waiter& waiter) noexcept { ready_.push(waiter); }
  void schedule_all(Waiter*& list) noexcept;

  // `co_await reactor.yield()`: lets everybody else have a turn.
  auto yield() noexcept {
    struct Awaiter {
      Reactor& reactor;
      Waiter waiter{};
      [[nodiscard]] bool await_ready() const noexcept { return false; }
      void await_suspend(std::coroutine_handle<> awaiting) noexcept {
        waiter.handle = awaiting;
        reactor.schedule(waiter);
      }
      void await_resume() const noexcept {}
    };
    return Awaiter{*this};
  }

  // `co_await reactor.sleep(duration)`.
  auto sleep(Clock::duration duration) {
    struct Awaiter final : Timer {
      Awaiter(Reactor& owner, Clock::duration how_long) : reactor{owner}, duration{how_long} {}
      [[nodiscard]] bool await_ready() const noexcept { return false; }
      void await_suspend(std::coroutine_handle<> awaiting) noexcept {
        waiting.handle = awaiting;
        reactor.timers().arm(*this, reactor.now() + duration);
      }
      void await_resume() const noexcept {}
      void on_expiry() override { reactor.schedule(waiting); }
      Reactor& reactor;
      Clock::duration duration;
      Waiter waiting;
    };
    return Awaiter{*this, duration};
  }

 private:
  void wake() noexcept;
  void dispatch(Watch& watch, unsigned events);
  void run_ready();
  void run_posted();
  void run_errands(Errand* errands);
  void free_retired() noexcept;
  [[nodiscard]] int wait_milliseconds() const;

  Fd epoll_;
  Fd wake_;
  TimerQueue timers_;
  Clock::time_point now_ = Clock::now();
  WaiterQueue ready_;
  std::unique_ptr<Watch> retired_;
  bool is_stopping_ = false;

  std::mutex posted_mutex_;
  std::vector<std::function<void()>> posted_;
  Errand* errands_ = nullptr;  // the latest first
  bool is_stop_posted_ = false;
};

}  // namespace sidelock
