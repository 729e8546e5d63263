// Coroutines: order, results, exceptions, joining, and destruction while suspended.
#include "io/task.h"

#include <stdexcept>
#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace sidelock {
namespace {

// Something to wait for, let go by hand.
struct Gate {
  std::coroutine_handle<> waiting;
  [[nodiscard]] bool await_ready() const noexcept { return false; }
  void await_suspend(std::coroutine_handle<> awaiting) noexcept { waiting = awaiting; }
  void await_resume() const noexcept {}
  void open() { std::exchange(waiting, nullptr).resume(); }
};

struct Flag {
  bool& destroyed;
  ~Flag() { destroyed = true; }
};

task<int> add_after(Gate& gate, int left, int right) {
  co_await gate;
  co_return left + right;
}

Detached store(Gate& gate, int& into) { into = co_await add_after(gate, 2, 3); }

TEST(Task, RunsToItsFirstWaitAndDeliversItsResultLater) {
  Gate gate;
  int result = 0;
  store(gate, result);
  EXPECT_EQ(result, 0);
  gate.open();
  EXPECT_EQ(result, 5);
}

task<> fail_after(Gate& gate) {
  co_await gate;
  throw std::runtime_error{"broken"};
}

Detached catch_into(Gate& gate, std::string& into) {
  try {
    co_await fail_after(gate);
  } catch (const std::runtime_error& error) {
    into = error.what();
  }
}

TEST(Task, AnExceptionReachesTheOneWhoAwaits) {
  Gate gate;
  std::string text;
  catch_into(gate, text);
  gate.open();
  EXPECT_EQ(text, "broken");
}

Detached join_both(Gate& first_gate, Gate& second_gate, std::vector<int>& results) {
  task<int> first = add_after(first_gate, 1, 0);
  task<int> second = add_after(second_gate, 2, 0);
  co_await Join{first, second};
  results = {first.result(), second.result()};
}

TEST(Join, GoesOnOnlyWhenBothHaveEndedInEitherOrder) {
  for (const bool is_first_first : {true, false}) {
    Gate first;
    Gate second;
    std::vector<int> results;
    join_both(first, second, results);
    (is_first_first ? first : second).open();
    EXPECT_TRUE(results.empty());
    (is_first_first ? second : first).open();
    EXPECT_EQ(results, (std::vector<int>{1, 2}));
  }
}

task<int> at_once(int value) { co_return value; }

Detached join_ready(std::vector<int>& results) {
  task<int> first = at_once(1);
  task<int> second = at_once(2);
  co_await Join{first, second};
  results = {first.result(), second.result()};
}

TEST(Join, ServesTasksThatNeverWait) {
  std::vector<int> results;
  join_ready(results);
  EXPECT_EQ(results, (std::vector<int>{1, 2}));
}

Background wait_with(Gate& gate, bool& destroyed) {
  const Flag flag{destroyed};
  co_await gate;
}

TEST(Background, IsDestroyedWithItsOwnerWhereverItWaits) {
  Gate gate;
  bool destroyed = false;
  {
    const Background background = wait_with(gate, destroyed);
    EXPECT_FALSE(destroyed);
  }
  EXPECT_TRUE(destroyed);
}

}  // namespace
}  // namespace sidelock
