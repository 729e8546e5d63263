// cleanup takes away exactly what init brought, whatever its settings were.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "netsetup/init.h"
#include "support/capture_settings.h"
#include "support/namespace.h"
#include "support/shell.h"

namespace sidelock {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

class Cleanup : public test::NamespaceTest {};

TEST_F(Cleanup, LeavesNothingOfOurs) {
  install_capture(test::capture({{80, 80}, {1000, 1100}}));
  remove_capture(test::capture_port(7));
  EXPECT_THAT(test::saved_rules(), Not(HasSubstr("-A ")));
  EXPECT_THAT(test::saved_rules(), Not(HasSubstr("SIDELOCK")));
}

TEST_F(Cleanup, OfNothingIsNoErrorAndMakesNoTables) {
  remove_capture(test::capture_port(80));
  EXPECT_EQ(test::saved_rules(), "");
}

TEST_F(Cleanup, RemovesRulesOfOtherVersionsAndOfOthersThatJumpToOurChains) {
  test::output_of(
      "iptables-legacy -t nat -N SIDELOCK_OLD; iptables-legacy -t nat -N OTHER; "
      "iptables-legacy -t nat -A SIDELOCK_OLD -p udp -j ACCEPT; iptables-legacy -t nat -A OTHER -j SIDELOCK_OLD; "
      "iptables-legacy -t nat -A POSTROUTING -m comment --comment sidelock:9 -j MASQUERADE");
  remove_capture(test::capture_port(80));
  EXPECT_THAT(test::saved_rules(), Not(HasSubstr("-A ")));
  EXPECT_THAT(test::saved_rules(), HasSubstr(":OTHER"));
  EXPECT_THAT(test::saved_rules(), Not(HasSubstr("SIDELOCK_OLD")));
}

}  // namespace
}  // namespace sidelock
