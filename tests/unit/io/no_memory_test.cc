// What gives a connection up, or tells a thread to end, must not need the memory that has run out.
#include <array>
#include <chrono>
#include <memory>
#include <optional>
#include <vector>

#include <gtest/gtest.h>
#include <sys/socket.h>

#include "io/deadline.h"
#include "io/socket.h"
#include "io/task.h"
#include "proxy/slots.h"
#include "support/no_memory.h"

namespace sidelock {
namespace {

constexpr int kMany = 300;

std::vector<std::unique_ptr<Socket>> many_sockets(Reactor& reactor) {
  std::vector<std::unique_ptr<Socket>> sockets;
  for (int i = 0; i < kMany; ++i) {
    Fd fd{check(::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), "make a socket")};
    sockets.push_back(std::make_unique<Socket>(std::move(fd), reactor));
    sockets.back()->expect_connection();
  }
  return sockets;
}

Detached wait_for_end(Socket& socket, int& ended) {
  while (!socket.is_aborted()) co_await socket.readable();
  ++ended;
}

TEST(WithoutMemory, SocketsAreAbortedAndClosedAndThoseThatWaitAreWoken) {
  if (!test::NoMemory::is_possible()) GTEST_SKIP() << "the thread sanitizer has an operator new of its own";
  Reactor reactor;
  const auto sockets = many_sockets(reactor);
  int ended = 0;
  for (const auto& socket : sockets) wait_for_end(*socket, ended);
  {
    const test::NoMemory shortage;
    for (const auto& socket : sockets) socket->abort(ECANCELED);
    reactor.stop();
    reactor.run();
    for (const auto& socket : sockets) socket->close();
  }
  EXPECT_EQ(ended, kMany);
}

class Count final : public Timer {
 public:
  explicit Count(int& count) : count_{count} {}

 private:
  void on_expiry() override { ++count_; }
  int& count_;
};

TEST(WithoutMemory, TimersAreArmed) {
  if (!test::NoMemory::is_possible()) GTEST_SKIP() << "the thread sanitizer has an operator new of its own";
  TimerQueue queue;
  int expired = 0;
  std::vector<std::unique_ptr<Count>> timers;
  for (int i = 0; i < kMany; ++i) timers.push_back(std::make_unique<Count>(expired));
  {
    const test::NoMemory shortage;
    for (const auto& timer : timers) queue.arm(*timer, Clock::time_point{});
    queue.expire(Clock::time_point{});
  }
  EXPECT_EQ(expired, kMany);
}

Detached take_place(Slots& slots, int& served) {
  const Slots::Place place{co_await slots.take()};
  ++served;
}

Detached hold_place(Slots& slots, Reactor& reactor) {
  const Slots::Place place{co_await slots.take()};
  co_await reactor.sleep(std::chrono::milliseconds{1});
}

TEST(WithoutMemory, APlaceIsGivenToTheNextInTurn) {
  if (!test::NoMemory::is_possible()) GTEST_SKIP() << "the thread sanitizer has an operator new of its own";
  Reactor reactor;
  Slots slots{reactor, 1};
  int served = 0;
  hold_place(slots, reactor);
  for (int i = 0; i < kMany; ++i) take_place(slots, served);
  {
    const test::NoMemory shortage;
    const auto stop_later = [](Reactor& turning) -> Detached {
      co_await turning.sleep(std::chrono::milliseconds{20});
      turning.stop();
    };
    stop_later(reactor);
    reactor.run();
  }
  EXPECT_EQ(served, kMany);
}

TEST(WithoutMemory, AnErrandIsRunOnceForAllTheTimesItWasPosted) {
  if (!test::NoMemory::is_possible()) GTEST_SKIP() << "the thread sanitizer has an operator new of its own";
  Reactor reactor;
  int runs = 0;
  Errand errand{[&runs] { ++runs; }};
  {
    const test::NoMemory shortage;
    for (int round = 0; round < 3; ++round) {
      reactor.post(errand);
      reactor.post(errand);
      reactor.stop();
      reactor.run();
    }
  }
  EXPECT_EQ(runs, 3);
}

}  // namespace
}  // namespace sidelock
