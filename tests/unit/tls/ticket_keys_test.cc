// Session ticket keys: how long they open tickets, and when they are replaced.
#include "tls/ticket_keys.h"

#include <gtest/gtest.h>

namespace sidelock {
namespace {

using std::chrono::hours;
const std::chrono::steady_clock::time_point kStart{};

TEST(TicketKeys, ATicketOpensForTwelveHoursAfterItsKeyWasLastUsed) {
  TicketKeys keys{kStart};
  const TicketKey first = keys.current(kStart + hours{11});
  EXPECT_TRUE(keys.find(first.name.data(), kStart + hours{11})->is_current);
  const TicketKey second = keys.current(kStart + hours{13});
  EXPECT_NE(second.name, first.name);
  EXPECT_FALSE(keys.find(first.name.data(), kStart + hours{13})->is_current);
  EXPECT_EQ(keys.find(first.name.data(), kStart + hours{13})->key.encryption, first.encryption);
  EXPECT_FALSE(keys.find(first.name.data(), kStart + hours{26}));
}

TEST(TicketKeys, AfterALongSilenceNothingOldOpens) {
  TicketKeys keys{kStart};
  const TicketKey first = keys.current(kStart);
  EXPECT_FALSE(keys.find(first.name.data(), kStart + hours{25}));
}

TEST(TicketKeys, ReplacingThemClosesAllTickets) {
  TicketKeys keys{kStart};
  const TicketKey first = keys.current(kStart);
  keys.replace_all(kStart);
  EXPECT_FALSE(keys.find(first.name.data(), kStart));
}

}  // namespace
}  // namespace sidelock
