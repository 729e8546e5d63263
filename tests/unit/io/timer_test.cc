// Timers fire in order, once, and may be cancelled or re-armed at any moment.
#include "io/timer.h"

#include <functional>
#include <memory>
#include <random>
#include <vector>

#include <gtest/gtest.h>

namespace sidelock {
namespace {

using std::chrono::milliseconds;

class Call final : public Timer {
 public:
  explicit Call(std::function<void()> action) : action_{std::move(action)} {}
  void on_expiry() override { action_(); }

 private:
  std::function<void()> action_;
};

const Clock::time_point kStart{};

TEST(TimerQueue, FiresInOrderOfExpiryWhateverTheOrderOfArming) {
  TimerQueue queue;
  std::vector<int> fired;
  std::vector<std::unique_ptr<Call>> timers;
  std::mt19937 random{7};
  std::vector<int> delays(200);
  for (int i = 0; i < 200; ++i) delays[static_cast<std::size_t>(i)] = i;
  std::shuffle(delays.begin(), delays.end(), random);
  for (const int delay : delays) {
    timers.push_back(std::make_unique<Call>([&fired, delay] { fired.push_back(delay); }));
    queue.arm(*timers.back(), kStart + milliseconds{delay});
  }
  // A third is cancelled, a third moved beyond the rest.
  std::vector<int> expected;
  std::vector<int> moved;
  for (std::size_t i = 0; i < timers.size(); ++i) {
    if (i % 3 == 0) {
      timers[i]->cancel();
    } else if (i % 3 == 1) {
      queue.arm(*timers[i], kStart + milliseconds{1000 + delays[i]});
      moved.push_back(delays[i]);
    } else {
      expected.push_back(delays[i]);
    }
  }
  std::sort(expected.begin(), expected.end());
  std::sort(moved.begin(), moved.end());
  queue.expire(kStart + milliseconds{999});
  EXPECT_EQ(fired, expected);
  fired.clear();
  queue.expire(kStart + milliseconds{2000});
  EXPECT_EQ(fired, moved);
  EXPECT_TRUE(queue.empty());
}

TEST(TimerQueue, ATimerMayDestroyAnotherThatIsDueAtTheSameTime) {
  TimerQueue queue;
  auto second = std::make_unique<Call>([] { FAIL() << "it was destroyed"; });
  Call first{[&] { second.reset(); }};
  queue.arm(first, kStart);
  queue.arm(*second, kStart + milliseconds{1});
  queue.expire(kStart + milliseconds{5});
  EXPECT_EQ(second, nullptr);
}

TEST(TimerQueue, ATimerMayArmItselfAgain) {
  TimerQueue queue;
  int count = 0;
  Call timer{[&] {
    if (++count < 3) queue.arm(timer, kStart + milliseconds{count});
  }};
  queue.arm(timer, kStart);
  queue.expire(kStart + milliseconds{10});
  EXPECT_EQ(count, 3);
  EXPECT_FALSE(timer.is_armed());
}

}  // namespace
}  // namespace sidelock
