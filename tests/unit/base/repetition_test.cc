// The first of a kind pass, the rest are counted, and every count is told once.
#include "base/repetition.h"

#include <gtest/gtest.h>

namespace sidelock {
namespace {

using std::chrono::milliseconds;
using Time = RepetitionLimit::Time;

const Time kStart{std::chrono::hours{1}};

std::uint64_t sum(const std::vector<RepetitionLimit::Withheld>& all) {
  std::uint64_t count = 0;
  for (const auto& each : all) count += each.count;
  return count;
}

TEST(KindOf, LeavesNumbersOut) {
  EXPECT_EQ(kind_of("connection from 10.0.0.12:40312 given up"), "connection from #.#.#.#:# given up");
  EXPECT_EQ(kind_of(""), "");
}

TEST(RepetitionLimit, TellsWhatItWithheldOnceTheWindowIsOver) {
  RepetitionLimit limit;
  EXPECT_EQ(limit.next_due(), std::nullopt);
  for (int i = 0; i < 1250; ++i) EXPECT_EQ(limit.admit("a", 10, kStart), i < 10);
  EXPECT_EQ(limit.next_due(), kStart + RepetitionLimit::kWindow);
  EXPECT_TRUE(limit.take(kStart + RepetitionLimit::kWindow - milliseconds{1}).empty());
  const auto told = limit.take(kStart + RepetitionLimit::kWindow);
  ASSERT_EQ(told.size(), 1U);
  EXPECT_EQ(in_words(told[0]), "1,240 more like this within 10 s: a");
  EXPECT_EQ(limit.next_due(), std::nullopt);
  EXPECT_TRUE(limit.take(Time::max()).empty());
}

TEST(RepetitionLimit, BeginsAnewWithEachWindow) {
  RepetitionLimit limit;
  EXPECT_TRUE(limit.admit("a", 1, kStart));
  EXPECT_TRUE(limit.admit("a", 1, kStart + RepetitionLimit::kWindow));
  EXPECT_FALSE(limit.admit("a", 1, kStart + RepetitionLimit::kWindow));
}

TEST(RepetitionLimit, KeepsKindsApart) {
  RepetitionLimit limit;
  EXPECT_TRUE(limit.admit("a", 1, kStart));
  EXPECT_TRUE(limit.admit("b", 1, kStart));
  EXPECT_FALSE(limit.admit("a", 1, kStart));
}

TEST(RepetitionLimit, ForgetsNoneAlthoughItsMemoryIsBounded) {
  RepetitionLimit limit;
  std::uint64_t written = 0;
  constexpr std::uint64_t kMany = 10'000;
  for (std::uint64_t i = 0; i < kMany; ++i) {
    if (limit.admit("kind " + std::to_string(i), 1, kStart)) ++written;
  }
  EXPECT_LE(written, RepetitionLimit::kMostKinds + 1);
  EXPECT_EQ(written + sum(limit.take(Time::max())), kMany);
}

TEST(InWords, SetsCommasBetweenThousands) {
  EXPECT_EQ(in_words({"a", 999}), "999 more like this within 10 s: a");
  EXPECT_EQ(in_words({"a", 1'234'567}), "1,234,567 more like this within 10 s: a");
}

}  // namespace
}  // namespace sidelock
