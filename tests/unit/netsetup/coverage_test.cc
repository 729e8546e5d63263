// Which interfaces are captured, and what is said when none is.
#include "netsetup/coverage.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/interface_pattern.h"
#include "netsetup/narrowed.h"

namespace sidelock {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

const std::vector<Interface> kPod{{"lo", true}, {"eth0", true}, {"net1", true}, {"tunl0", false}};

Coverage covered(std::vector<std::string> taken, std::vector<std::string> excluded,
                 const std::vector<Interface>& interfaces = kPod) {
  CaptureSettings settings;
  settings.interfaces = std::move(taken);
  settings.exclude_interfaces = std::move(excluded);
  return coverage(settings, interfaces);
}

TEST(InterfacePatterns, EndInAPlusThatStandsForAnyRest) {
  EXPECT_TRUE(fits("eth0", "eth0") && fits("eth+", "eth0") && fits("eth+", "eth") && fits("+", "eth0"));
  EXPECT_FALSE(fits("eth", "eth0") || fits("eth0", "eth") || fits("eth1+", "eth0"));
  EXPECT_TRUE(covers("+", "eth+") && covers("e+", "eth+") && covers("eth+", "eth+") && covers("eth+", "eth0"));
  EXPECT_FALSE(covers("eth0", "eth+") || covers("eth+", "e+") || covers("eth+", "+"));
}

TEST(Coverage, IsOfAllThatAreUpButLo) {
  const Coverage all = covered({}, {});
  EXPECT_THAT(all.captured, ElementsAre("eth0", "net1"));
  EXPECT_THAT(all.open, IsEmpty());
  EXPECT_THAT(fault_of(all), IsEmpty());
}

TEST(Coverage, IsNarrowedByNamesWithoutFault) {
  for (const Coverage& one : {covered({"eth+"}, {}), covered({}, {"net+"}), covered({"+"}, {"net1"})}) {
    EXPECT_THAT(one.captured, ElementsAre("eth0"));
    EXPECT_THAT(one.open, ElementsAre("net1"));
    EXPECT_THAT(fault_of(one), IsEmpty());
  }
}

TEST(Coverage, IsOfNothingWhenNoNameFitsWhatIsUp) {
  for (const Coverage& none : {covered({"ens3"}, {}), covered({}, {"eth+", "net1"}), covered({"tunl0"}, {})}) {
    EXPECT_TRUE(is_wide_open(none));
    EXPECT_THAT(fault_of(none), HasSubstr("by eth0, net1 reaches the app in plain text"));
  }
}

TEST(Coverage, TellsNamesThatFitNothing) {
  EXPECT_THAT(fault_of(covered({"eth0", "net7"}, {})), HasSubstr("is named net7; captured: eth0; not captured: net1"));
  EXPECT_THAT(fault_of(covered({"eth0"}, {}, {{"lo", true}})), HasSubstr("no interface but lo is up"));
  EXPECT_THAT(fault_of(covered({}, {}, {{"lo", true}})), IsEmpty());
}

Rule for_ports(std::vector<PortRange> ports) {
  Rule rule;
  rule.destination_port_set = std::move(ports);
  return rule;
}

TEST(Narrowed, ByTheJumpAndByWhatHasLeft) {
  Narrowed way{for_ports({{80, 90}})};
  EXPECT_EQ(way.rule({}).destination_port_set, (std::vector<PortRange>{{80, 90}}));
  EXPECT_EQ(way.rule(for_ports({{8080, 8080}})).destination_port_set, (std::vector<PortRange>{{8080, 8080}}));
  way.leave(for_ports({{80, 80}}));
  EXPECT_EQ(way.rule({}).destination_port_set, (std::vector<PortRange>{{81, 90}}));
  way.leave({});
  EXPECT_EQ(way.rule({}).destination_port_set, (std::vector<PortRange>{{0, 0}}));
}

TEST(Narrowed, ByNothingThatItCannotFollow) {
  Narrowed way;
  Rule leaves = for_ports({{80, 80}});
  leaves.has_more = true;
  way.leave(leaves);
  leaves.has_more = false;
  leaves.source = Cidr::parse("10.0.0.0/8");
  way.leave(leaves);
  EXPECT_EQ(way.rule({}), Rule{});
}

}  // namespace
}  // namespace sidelock
