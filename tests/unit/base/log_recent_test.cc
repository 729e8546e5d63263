// What is kept of the log for people.
#include "base/log_recent.h"

#include <gtest/gtest.h>

namespace sidelock::log {
namespace {

using Time = std::chrono::system_clock::time_point;

TEST(RecentMessages, AreBoundedAndTheOldestGoFirst) {
  RecentMessages recent;
  for (std::size_t i = 0; i < RecentMessages::kMost + 1; ++i) {
    recent.note("kind " + std::to_string(i), Level::kWarning, "text", Time{});
  }
  ASSERT_EQ(recent.all().size(), RecentMessages::kMost);
  EXPECT_EQ(recent.all().front().kind, "kind 1");
}

TEST(RecentMessages, OfOneKindAreOneEntryWithTheLatestText) {
  RecentMessages recent;
  recent.note("# failed", Level::kWarning, "1 failed", Time{});
  recent.note("other", Level::kError, "other", Time{});
  recent.note("# failed", Level::kWarning, "2 failed", Time{std::chrono::seconds{5}});
  ASSERT_EQ(recent.all().size(), 2U);
  EXPECT_EQ(recent.all().back().text, "2 failed");
  EXPECT_EQ(recent.all().back().count, 2U);
  EXPECT_EQ(recent.all().back().time, Time{std::chrono::seconds{5}});
}

TEST(RecentMessages, AreCutBetweenCharacters) {
  RecentMessages recent;
  recent.note("long", Level::kWarning, std::string(RecentMessages::kMostBytes - 1, 'x') + "\u00e4\u00e4", Time{});
  EXPECT_EQ(recent.all().back().text, std::string(RecentMessages::kMostBytes - 1, 'x'));
}

}  // namespace
}  // namespace sidelock::log
