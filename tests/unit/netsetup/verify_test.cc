// What counts as a difference, and which foreign rules stand in the way.
#include "netsetup/verify.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "support/capture_settings.h"

namespace sidelock {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;

TEST(Difference, IsNoneBetweenAPlanAndItself) {
  const Plan plan = make_plan(test::capture({{80, 120}}));
  EXPECT_THAT(difference(plan, plan), IsEmpty());
}

TEST(Difference, NamesTableAndRule) {
  const std::string text = difference(make_plan(test::capture_port(80)), make_plan(test::capture_port(81)));
  EXPECT_THAT(text, HasSubstr("IPv4 table mangle: wanted `-A SIDELOCK_IN -p tcp -m tcp --dport 80 "));
  EXPECT_THAT(text, HasSubstr("found `-A SIDELOCK_IN -p tcp -m tcp --dport 81 "));
}

TEST(Difference, SeesWhatIsMissingAltogether) {
  EXPECT_THAT(difference(make_plan(test::capture_port(80)), empty_plan()), HasSubstr("found nothing"));
  EXPECT_THAT(difference(empty_plan(), make_plan(test::capture_port(80))), HasSubstr("wanted nothing"));
}

TEST(Difference, SeesARuleThatSaysMore) {
  const Plan wanted = make_plan(test::capture_port(80));
  Plan live = wanted;
  live.families[1].tables[2].chains[0].rules[0].has_more = true;
  EXPECT_THAT(difference(wanted, live), HasSubstr("IPv6 table nat"));
}

TEST(Difference, OfNftablesIsSaidInItsWords) {
  const auto plan = [](std::uint16_t port) { return make_plan(test::capture_port(port), BackendKind::kNftables); };
  EXPECT_THAT(difference(plan(80), plan(81)),
              HasSubstr("table inet sidelock, mangle: wanted `mangle_in: tcp dport 80 ct state invalid "));
}

TEST(Difference, SeesATableThatIsWrongAsAWhole) {
  const Plan wanted = make_plan(test::capture_port(80), BackendKind::kNftables);
  Plan live = wanted;
  live.families[0].tables[2].oddity = "the table is dormant";
  EXPECT_THAT(difference(wanted, live), HasSubstr("found `the table is dormant`"));
}

// A foreign ACCEPT before ours that matches everything.
ForeignRule accept_all() {
  ForeignRule foreign;
  foreign.place = "IPv4 table nat";
  foreign.text = "-A PREROUTING -j ACCEPT";
  foreign.is_before_ours = true;
  foreign.is_terminal = true;
  return foreign;
}

std::string obstacle_by(const ForeignRule& rule) { return obstacle({{}, {rule}, {}}, test::capture({{80, 90}})); }

TEST(Obstacle, IsATerminalRuleBeforeOurs) {
  EXPECT_THAT(obstacle_by(accept_all()), HasSubstr("IPv4 table nat: the foreign rule `-A PREROUTING -j ACCEPT`"));
}

TEST(Obstacle, IsNotARuleBehindOurs) {
  ForeignRule rule = accept_all();
  rule.is_before_ours = false;
  EXPECT_THAT(obstacle_by(rule), IsEmpty());
}

TEST(Obstacle, IsNotARuleThatPassesThePacketOn) {
  ForeignRule rule = accept_all();
  rule.is_terminal = false;
  EXPECT_THAT(obstacle_by(rule), IsEmpty());
}

TEST(Obstacle, IsNotARuleForAnotherProtocolPortOrForLo) {
  ForeignRule udp = accept_all();
  udp.may_match_tcp = false;
  EXPECT_THAT(obstacle_by(udp), IsEmpty());
  ForeignRule port = accept_all();
  port.rule.destination_ports = PortRange{91, 100};
  EXPECT_THAT(obstacle_by(port), IsEmpty());
  ForeignRule loopback = accept_all();
  loopback.rule.in = InterfaceMatch{"lo", false};
  EXPECT_THAT(obstacle_by(loopback), IsEmpty());
}

TEST(Obstacle, IsARuleWhosePortsTouchOurs) {
  ForeignRule rule = accept_all();
  rule.rule.destination_ports = PortRange{1, 80};
  EXPECT_THAT(obstacle_by(rule), HasSubstr("stands before ours"));
}

TEST(Obstacle, IsARuleWithASetOfPortsThatTouchesOurs) {
  ForeignRule rule = accept_all();
  rule.rule.destination_port_set = {{1, 79}, {91, 99}};
  EXPECT_THAT(obstacle_by(rule), IsEmpty());
  rule.rule.destination_port_set.push_back({85, 85});
  EXPECT_THAT(obstacle_by(rule), HasSubstr("stands before ours"));
}

// A packet meets table mangle before nat, so that TPROXY there takes it whatever the order within mangle.
TEST(Obstacle, IsARuleOfMangleThatDivertsUnderRedirectAlone) {
  ForeignRule rule = accept_all();
  rule.is_before_ours = false;
  rule.is_before_nat = true;
  CaptureSettings settings = test::capture_port(80);
  EXPECT_THAT(obstacle({{}, {rule}, {}}, settings), HasSubstr("stands before ours"));
  settings.mode = CaptureMode::kTproxy;
  EXPECT_THAT(obstacle({{}, {rule}, {}}, settings), IsEmpty());
}

std::string side_door_by(std::uint16_t to_port, std::vector<PortRange> from) {
  ForeignRule rule = accept_all();
  rule.rule.to_port = to_port;
  rule.rule.destination_port_set = std::move(from);
  return side_door({{}, {}, {rule}}, test::capture({{80, 90}}));
}

TEST(SideDoor, LeadsFromAPortThatIsNotCapturedToOneThatIs) {
  EXPECT_THAT(side_door_by(80, {{8080, 8080}}), HasSubstr("leads clients of ports that are not captured to port 80"));
  EXPECT_THAT(side_door_by(80, {{85, 95}}), HasSubstr("port 80"));
  EXPECT_THAT(side_door_by(80, {}), HasSubstr("port 80"));
  EXPECT_THAT(side_door_by(80, {{81, 90}}), IsEmpty());
  EXPECT_THAT(side_door_by(91, {{8080, 8080}}), IsEmpty());
}

}  // namespace
}  // namespace sidelock
