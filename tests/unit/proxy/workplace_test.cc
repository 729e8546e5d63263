// What a worker and its connections share: how connections are looked after.
#include "proxy/workplace.h"

#include <iterator>
#include <list>
#include <set>

#include <gtest/gtest.h>

namespace sidelock {
namespace {

class Workplaces : public testing::Test {
 protected:
  class Connection : public Workplace::Resident {
   public:
    explicit Connection(Workplaces& test) : Resident{test.workplace}, test_{test} {}
    Look look_after(Clock::time_point since) override {
      test_.looked_after.insert(this);
      test_.beginnings.insert(since);
      ++test_.looks;
      return {.is_needed = test_.is_needed, .is_costly = test_.is_costly};
    }
    void drain(Clock::time_point /*quiet_since*/) override {}
    void abort() override {}

   private:
    Workplaces& test_;
  };

  Workplaces() {
    workplace.on_coming = workplace.on_gone = [] {};
    add(250);
    workplace.silence_watch().note_activity(Clock::now() - std::chrono::hours{1});
  }

  void add(int count) {
    for (int i = 0; i < count; ++i) connections.emplace_back(*this);
  }

  // One look after some, or the whole of a round that is yet to come; how many were looked after.
  int turn() {
    looks = 0;
    timers().expire(timers().next_expiry());
    return looks;
  }
  TimerQueue& timers() { return workplace.reactor().timers(); }

  Settings settings;
  Shared shared;
  Workplace workplace{settings, 1, shared, nullptr, [](const ClientAddress&) {}};
  std::set<const void*> looked_after;
  std::set<Clock::time_point> beginnings;
  int looks = 0;
  bool is_needed = false;
  bool is_costly = true;
  std::list<Connection> connections;
};

TEST_F(Workplaces, LookAfterManyConnectionsAFewAtATime) {
  EXPECT_EQ(turn(), 100);
  EXPECT_EQ(turn(), 100);
  EXPECT_EQ(turn(), 50);
  EXPECT_EQ(looked_after.size(), connections.size());
  EXPECT_EQ(beginnings.size(), 1) << "a round has one beginning";
  EXPECT_TRUE(timers().empty()) << "quiet connections cost nothing";
}

TEST_F(Workplaces, LookAfterAllAtOnceWhenNobodyIsAskedAbout) {
  is_costly = false;
  EXPECT_EQ(turn(), 250);
  EXPECT_TRUE(timers().empty());
}

TEST_F(Workplaces, LookAfterEverybodyWhoIsLeftWhenConnectionsComeAndGoMeanwhile) {
  turn();
  for (int i = 0; i < 40; ++i) connections.pop_front();
  for (int i = 0; i < 20; ++i) connections.pop_back();
  add(7);
  while (!timers().empty()) turn();
  const auto first_new = std::prev(connections.end(), 7);  // these may wait for the next round
  for (auto each = connections.begin(); each != first_new; ++each) EXPECT_TRUE(looked_after.contains(&*each));
}

TEST_F(Workplaces, EndARoundWhenEverybodyHasGone) {
  turn();
  connections.clear();
  turn();
  EXPECT_TRUE(timers().empty());
}

TEST_F(Workplaces, BeginAnotherRoundWhenBytesMoveDuringOne) {
  turn();
  workplace.silence_watch().note_activity(Clock::now());
  turn();
  turn();
  ASSERT_FALSE(timers().empty());
  EXPECT_EQ(turn(), 250);
  EXPECT_EQ(beginnings.size(), 2);
  EXPECT_TRUE(timers().empty());
}

TEST_F(Workplaces, BeginRoundsAtTheSamePaceHoweverLongTheyTake) {
  is_needed = true;
  turn();
  const Clock::time_point begun = Clock::now();
  while (Clock::now() == begun) {
  }
  turn();
  turn();
  EXPECT_LE(timers().next_expiry(), begun + settings.limits.tcp_user_timeout / 4);
}

TEST_F(Workplaces, BeginAnotherRoundWhileBytesAreUnanswered) {
  is_needed = true;
  for (int i = 0; i < 3; ++i) turn();
  ASSERT_FALSE(timers().empty());
  is_needed = false;
  EXPECT_EQ(turn(), 250);
  EXPECT_TRUE(timers().empty());
}

}  // namespace
}  // namespace sidelock
