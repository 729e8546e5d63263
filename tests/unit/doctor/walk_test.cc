// Which rule takes a connection, by the rules of a plan and of others.
#include "doctor/walk.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "support/capture_settings.h"

namespace sidelock {
namespace {

using testing::ElementsAre;
using testing::EndsWith;
using testing::IsEmpty;
using testing::SizeIs;

FirstPacket packet_to(std::uint16_t port, const std::string& interface = "eth0") {
  return {{*IpAddress::parse("10.0.0.9"), 40000}, {*IpAddress::parse("10.0.0.7"), port}, interface, true};
}

Walk walk_to(std::uint16_t port, const CaptureSettings& settings) {
  return walk(make_plan(settings), {}, packet_to(port));
}

TEST(Walk, LeadsEachPortToItsCapturePort) {
  const Walk way = walk_to(81, test::capture({{80, 82}}));
  EXPECT_EQ(way.fate, Fate::kCaptured);
  EXPECT_EQ(way.to_port, 19101);
  EXPECT_THAT(way.rules, ElementsAre(EndsWith("-j SIDELOCK_IN"), EndsWith("-j REDIRECT --to-ports 19101")));
}

TEST(Walk, GoesThroughChainsOfRanges) {
  const Walk way = walk_to(1070, test::capture({{1000, 1099}}));
  EXPECT_EQ(way.to_port, 19170);
  EXPECT_THAT(way.rules, SizeIs(3));
}

TEST(Walk, FindsTheCapturePortInNftablesOneRuleForManyPorts) {
  const Plan plan = make_plan(test::capture({{22, 22}, {1000, 1039}, {9000, 9003}}), BackendKind::kNftables);
  for (const auto& [port, to_port] : {std::pair{22, 19100}, {1000, 19101}, {1039, 19140}, {9003, 19144}}) {
    const Walk way = walk(plan, {}, packet_to(static_cast<std::uint16_t>(port)));
    EXPECT_EQ(way.fate, Fate::kCaptured);
    EXPECT_EQ(way.to_port, to_port);
  }
  EXPECT_EQ(walk(plan, {}, packet_to(8999)).fate, Fate::kPassed);
}

TEST(Walk, ReadsNftablesExclusionsOfEachFamily) {
  CaptureSettings settings = test::capture_port(80);
  settings.exclude_sources = {*Cidr::parse("fd66::/64")};
  EXPECT_EQ(walk(make_plan(settings, BackendKind::kNftables), {}, packet_to(80)).fate, Fate::kCaptured);
  settings.exclude_sources = {*Cidr::parse("10.0.0.0/24")};
  const Walk way = walk(make_plan(settings, BackendKind::kNftables), {}, packet_to(80));
  EXPECT_EQ(way.fate, Fate::kPassed);
  EXPECT_THAT(way.rules, SizeIs(2));
}

TEST(Walk, MeetsNoRuleOnOtherPortsAndInterfaces) {
  const CaptureSettings settings = test::capture({{80, 80}});
  EXPECT_EQ(walk_to(79, settings).fate, Fate::kPassed);
  const Walk inside = walk(make_plan(settings), {}, packet_to(80, "lo"));
  EXPECT_EQ(inside.fate, Fate::kPassed);
  EXPECT_THAT(inside.rules, IsEmpty());
}

TEST(Walk, LeavesAloneWhatIsOnlyRouted) {
  FirstPacket packet = packet_to(80);
  packet.is_destination_local = false;
  EXPECT_EQ(walk(make_plan(test::capture_port(80)), {}, packet).fate, Fate::kPassed);
}

TEST(Walk, StopsAtAnExclusion) {
  CaptureSettings settings = test::capture_port(80);
  settings.exclude_sources = {*Cidr::parse("10.0.0.0/24")};
  const Walk by_source = walk_to(80, settings);
  EXPECT_EQ(by_source.fate, Fate::kPassed);
  EXPECT_THAT(by_source.rules, ElementsAre(EndsWith("-j SIDELOCK_IN"), EndsWith("-s 10.0.0.0/24 -j RETURN")));
  settings.exclude_sources.clear();
  settings.exclude_interfaces = {"eth+"};
  EXPECT_EQ(walk_to(80, settings).fate, Fate::kPassed);
  settings.exclude_interfaces = {"net+"};
  EXPECT_EQ(walk_to(80, settings).fate, Fate::kCaptured);
}

// A rule of others in front of ours.
Walk walk_behind(const Rule& rule, bool is_before_ours = true) {
  ForeignRule foreign;
  foreign.rule = rule;
  foreign.is_before_ours = is_before_ours;
  foreign.is_terminal = true;
  return walk(make_plan(test::capture_port(80)), {{}, {foreign}, {}}, packet_to(80));
}

TEST(Walk, AsksTheRulesOfOthersFirst) {
  Rule rule;
  rule.target = "ACCEPT";
  EXPECT_EQ(walk_behind(rule).fate, Fate::kPassed);
  rule.target = kDrop;
  EXPECT_EQ(walk_behind(rule).fate, Fate::kDropped);
  rule.target = "ISTIO_INBOUND";
  EXPECT_EQ(walk_behind(rule).fate, Fate::kForeign);
  rule.has_more = true;
  EXPECT_EQ(walk_behind(rule).fate, Fate::kUncertain);
  rule.source = *Cidr::parse("192.0.2.0/24");
  EXPECT_EQ(walk_behind(rule).fate, Fate::kCaptured);
  EXPECT_EQ(walk_behind(Rule{}, false).fate, Fate::kCaptured);
}

TEST(Walk, DoesNotTrustARuleOfOursThatSaysMore) {
  Plan live = make_plan(test::capture_port(80));
  for (FamilyPlan& family : live.families) family.tables[2].chains[0].rules[0].has_more = true;
  EXPECT_EQ(walk(live, {}, packet_to(80)).fate, Fate::kUncertain);
}

TEST(Walk, EndsInChainsThatLeadIntoEachOther) {
  Plan live = make_plan(test::capture_port(80));
  for (FamilyPlan& family : live.families) {
    Rule jump;
    jump.target = "SIDELOCK_IN";
    family.tables[2].chains[0].rules = {jump};
  }
  EXPECT_EQ(walk(live, {}, packet_to(80)).fate, Fate::kUncertain);
}

}  // namespace
}  // namespace sidelock
