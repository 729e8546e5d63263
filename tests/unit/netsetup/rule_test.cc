// A rule's text is what iptables-save prints.
#include "netsetup/rule.h"

#include <gtest/gtest.h>

namespace sidelock {
namespace {

TEST(RuleText, SaysEachMatchInTheOrderOfIptablesSave) {
  Rule rule;
  rule.source = Cidr::parse("10.0.0.0/8");
  rule.in = InterfaceMatch{"eth+", true};
  rule.out = InterfaceMatch{"lo", false};
  rule.is_tcp = true;
  rule.destination_ports = PortRange{80, 90};
  rule.is_destination_local = true;
  rule.is_state_invalid = true;
  rule.comment = "sidelock:1 x";
  rule.target = "REDIRECT";
  rule.to_port = 19100;
  EXPECT_EQ(to_text(rule, "C"),
            "-A C -s 10.0.0.0/8 ! -i eth+ -o lo -p tcp -m tcp --dport 80:90 -m addrtype --dst-type LOCAL "
            "-m conntrack --ctstate INVALID -m comment --comment \"sidelock:1 x\" -j REDIRECT --to-ports 19100");
}

TEST(RuleText, OfARuleThatSaysMoreShowsThatItDoes) {
  Rule rule;
  rule.target = "ACCEPT";
  rule.has_more = true;
  EXPECT_EQ(to_text(rule, "PREROUTING"), "-A PREROUTING ... -j ACCEPT");
}

TEST(RuleText, EscapesQuotesInComments) {
  Rule rule;
  rule.comment = R"(a "b" \c)";
  EXPECT_EQ(to_text(rule, "C"), R"(-A C -m comment --comment "a \"b\" \\c")");
}

TEST(Rules, AreOursByCommentOrByTheChainTheyJumpTo) {
  Rule rule;
  EXPECT_FALSE(is_ours(rule));
  rule.comment = "not sidelock:1";
  rule.target = "SIDELOCK";
  EXPECT_FALSE(is_ours(rule));
  rule.comment = "sidelock:2 anything";
  EXPECT_TRUE(is_ours(rule));
  rule.comment.clear();
  rule.target = "SIDELOCK_OLD";
  EXPECT_TRUE(is_ours(rule));
}

TEST(Rules, ThatDifferOnlyInCountersAreTheSame) {
  Rule one;
  Rule other;
  other.counters = {7, 700};
  EXPECT_EQ(one, other);
}

}  // namespace
}  // namespace sidelock
