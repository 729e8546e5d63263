// Coroutines with one owner: task<T> runs when it is awaited and is destroyed with its handle; Join waits for two of
// them; Detached is for the few that own themselves (a connection, an accept loop), Background for those that run
// beside their owner. One thread: a task is created, resumed and destroyed in its reactor's thread.
#pragma once

#include <coroutine>
#include <exception>
#include <optional>
#include <utility>

#include "base/pool.h"

namespace sidelock {

// Counts tasks down that run side by side; the last one to arrive resumes the waiting coroutine.
struct JoinPoint {
  int running = 0;
  std::coroutine_handle<> waiting;

  std::coroutine_handle<> arrive() noexcept { return --running == 0 ? waiting : std::noop_coroutine(); }
};

namespace detail {

// Frames live as long as one connection, or one step of it.
struct PromiseBase : pool::Pooled {
  std::coroutine_handle<> continuation;
  JoinPoint* join = nullptr;
  std::exception_ptr exception;

  struct FinalAwaiter {
    [[nodiscard]] bool await_ready() const noexcept { return false; }
    template <class Promise>
    std::coroutine_handle<> await_suspend(std::coroutine_handle<Promise> finished) const noexcept {
      PromiseBase& promise = finished.promise();
      return promise.join != nullptr ? promise.join->arrive() : promise.continuation;
    }
    void await_resume() const noexcept {}
  };

  std::suspend_always initial_suspend() noexcept { return {}; }
  FinalAwaiter final_suspend() noexcept { return {}; }
  void unhandled_exception() noexcept { exception = std::current_exception(); }
};

template <class T>
struct Promise : PromiseBase {
  std::optional<T> value;

  std::coroutine_handle<Promise> get_return_object() noexcept {
    return std::coroutine_handle<Promise>::from_promise(*this);
  }
  void return_value(T result) { value.emplace(std::move(result)); }
  T take() {
    if (exception) std::rethrow_exception(exception);
    return std::move(*value);
  }
};

template <>
struct Promise<void> : PromiseBase {
  std::coroutine_handle<Promise> get_return_object() noexcept {
    return std::coroutine_handle<Promise>::from_promise(*this);
  }
  void return_void() noexcept {}
  void take() {
    if (exception) std::rethrow_exception(exception);
  }
};

}  // namespace detail

// A coroutine that has not begun. `co_await std::move(it)` runs it to its end; destroying it while it is suspended
// destroys its frame, so everything it waits on must already have forgotten it.
template <class T = void>
class [[nodiscard]] task {
 public:
  using promise_type = detail::Promise<T>;
  using Handle = std::coroutine_handle<promise_type>;

  task(Handle handle) noexcept : handle_{handle} {}  // NOLINT(google-explicit-constructor): made by the compiler
  task(task&& other) noexcept : handle_{std::exchange(other.handle_, nullptr)} {}
  task(const task&) = delete;
  task& operator=(const task&) = delete;
  task& operator=(task&&) = delete;
  ~task() {
    if (handle_) handle_.destroy();
  }

  struct Awaiter {
    Handle handle;
    [[nodiscard]] bool await_ready() const noexcept { return false; }
    std::coroutine_handle<> await_suspend(std::coroutine_handle<> awaiting) const noexcept {
      handle.promise().continuation = awaiting;
      return handle;
    }
    T await_resume() const { return handle.promise().take(); }
  };
  Awaiter operator co_await() const noexcept { return {handle_}; }

  // The result of a task that a Join has run to its end.
  T result() { return handle_.promise().take(); }
  [[nodiscard]] Handle handle() const noexcept { return handle_; }

 private:
  Handle handle_;
};

// `co_await Join{first, second}` runs both side by side and goes on when both have ended; read first.result() then.
template <class A, class B>
class Join {
 public:
  Join(task<A>& first, task<B>& second) noexcept : first_{first.handle()}, second_{second.handle()} {}

  [[nodiscard]] bool await_ready() const noexcept { return false; }
  std::coroutine_handle<> await_suspend(std::coroutine_handle<> awaiting) noexcept {
    point_ = {2, awaiting};
    first_.promise().join = &point_;
    second_.promise().join = &point_;
    first_.resume();
    return second_;
  }
  void await_resume() const noexcept {}

 private:
  typename task<A>::Handle first_;
  typename task<B>::Handle second_;
  JoinPoint point_;
};

// A coroutine that begins at once and frees itself at its end. Its parameters are taken by value or outlive the
// reactor; an exception that leaves it ends the program, so its body catches.
struct Detached {
  struct promise_type : pool::Pooled {
    Detached get_return_object() noexcept { return {}; }
    std::suspend_never initial_suspend() noexcept { return {}; }
    std::suspend_never final_suspend() noexcept { return {}; }
    void return_void() noexcept {}
    [[noreturn]] void unhandled_exception() noexcept { std::terminate(); }
  };
};

// A coroutine that begins at once and is destroyed with this object, wherever it is suspended then.
class [[nodiscard]] Background {
 public:
  struct promise_type : pool::Pooled {
    Background get_return_object() noexcept {
      return Background{std::coroutine_handle<promise_type>::from_promise(*this)};
    }
    std::suspend_never initial_suspend() noexcept { return {}; }
    std::suspend_always final_suspend() noexcept { return {}; }
    void return_void() noexcept {}
    [[noreturn]] void unhandled_exception() noexcept { std::terminate(); }
  };

  Background() noexcept = default;
  Background(Background&& other) noexcept : handle_{std::exchange(other.handle_, nullptr)} {}
  Background& operator=(Background&& other) noexcept {
    std::swap(handle_, other.handle_);
    return *this;
  }
  ~Background() {
    if (handle_) handle_.destroy();
  }

 private:
  explicit Background(std::coroutine_handle<promise_type> handle) noexcept : handle_{handle} {}
  std::coroutine_handle<promise_type> handle_;
};

}  // namespace sidelock
