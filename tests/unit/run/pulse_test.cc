// A thread that has stopped turning is noticed, and only after a while.
#include "run/pulse.h"

#include <gtest/gtest.h>

namespace sidelock {
namespace {

using State = HealthCheck::State;

TEST(Pulse, AThreadThatAnswersIsWell) {
  Pulse pulse;
  int asked = 0;
  pulse.add("worker 0", [&](const std::function<void()>& answer) {
    ++asked;
    answer();
  });
  const Clock::time_point start{};
  for (int minute = 0; minute < 3; ++minute) {
    const auto checks = pulse.look(start + std::chrono::minutes{minute});
    ASSERT_EQ(checks.size(), 1U);
    EXPECT_EQ(checks[0].state, State::kOk);
  }
  EXPECT_EQ(asked, 3);
}

TEST(Pulse, AThreadThatDoesNotAnswerIsStuckOnceThePatienceIsOver) {
  Pulse pulse;
  std::function<void()> answer;
  int asked = 0;
  pulse.add("worker 0", [](const std::function<void()>& at_once) { at_once(); });
  pulse.add("worker 1", [&](std::function<void()> later) {
    ++asked;
    answer = std::move(later);
  });
  const Clock::time_point start{};
  EXPECT_EQ(pulse.look(start)[1].state, State::kOk);
  EXPECT_EQ(pulse.look(start + Pulse::kPatience - std::chrono::milliseconds{1})[1].state, State::kOk);
  const auto checks = pulse.look(start + Pulse::kPatience);
  EXPECT_EQ(checks[0].state, State::kOk);
  EXPECT_EQ(checks[1].state, State::kFailed);
  EXPECT_EQ(checks[1].text, "has not turned for 30 s");
  EXPECT_EQ(asked, 1);  // it has enough to do
  answer();
  EXPECT_EQ(pulse.look(start + 2 * Pulse::kPatience)[1].state, State::kOk);
}

TEST(Pulse, AThreadThatCouldNotBeAskedOwesNoAnswer) {
  Pulse pulse;
  bool is_memory_short = true;
  pulse.add("worker 0", [&](const std::function<void()>& answer) {
    if (is_memory_short) throw std::bad_alloc{};
    answer();
  });
  const Clock::time_point start{};
  EXPECT_THROW(pulse.look(start), std::bad_alloc);
  is_memory_short = false;
  EXPECT_EQ(pulse.look(start + 2 * Pulse::kPatience)[0].state, State::kOk);
}

}  // namespace
}  // namespace sidelock
