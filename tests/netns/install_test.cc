// init in a fresh network namespace: the kernel holds exactly the plan, however often and after whatever settings.
#include "netsetup/init.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "netsetup/iptables/backend.h"
#include "netsetup/verify.h"
#include "support/capture_settings.h"
#include "support/namespace.h"
#include "support/shell.h"

namespace sidelock {
namespace {

using test::capture;
using test::capture_port;
using test::saved_rules;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

class Install : public test::NamespaceTest {};

std::string difference_to_kernel(const CaptureSettings& settings) {
  iptables::IptablesBackend backend{std::chrono::seconds{1}};
  return difference(make_plan(settings), backend.read());
}

TEST_F(Install, PutsThePlanIntoTheKernel) {
  install_capture(capture_port(80));
  EXPECT_EQ(saved_rules(), test::without_noise(dry_run_text(capture_port(80))));
  EXPECT_THAT(difference_to_kernel(capture_port(80)), IsEmpty());
}

TEST_F(Install, TwiceIsTheSameAsOnce) {
  install_capture(capture({{80, 80}, {1000, 1100}}));
  const std::string once = saved_rules();
  install_capture(capture({{80, 80}, {1000, 1100}}));
  EXPECT_EQ(saved_rules(), once);
}

TEST_F(Install, WithOtherPortsReplacesTheOldOnes) {
  install_capture(capture({{80, 80}, {1000, 1100}}));
  install_capture(capture_port(443));
  EXPECT_EQ(saved_rules(), test::without_noise(dry_run_text(capture_port(443))));
}

TEST_F(Install, SpreadsAThousandPortsOverRangeChains) {
  const CaptureSettings settings = capture({{1000, 1999}});
  install_capture(settings);
  EXPECT_EQ(saved_rules(), test::without_noise(dry_run_text(settings)));
}

TEST_F(Install, TakesInterfacesAndExclusions) {
  CaptureSettings settings = capture({{80, 80}, {8000, 8003}});
  settings.interfaces = {"eth0", "net+"};
  settings.exclude_interfaces = {"net7"};
  settings.exclude_sources = {*Cidr::parse("10.0.0.0/8"), *Cidr::parse("fd66::1")};
  install_capture(settings);
  EXPECT_EQ(saved_rules(), test::without_noise(dry_run_text(settings)));
  EXPECT_THAT(difference_to_kernel(settings), IsEmpty());
}

TEST_F(Install, OfOneFamilyRemovesTheOther) {
  install_capture(capture_port(80));
  CaptureSettings settings = capture_port(80);
  settings.ip_family = IpFamily::kIpv6;
  install_capture(settings);
  EXPECT_THAT(test::saved_ipv4_rules(), Not(HasSubstr("SIDELOCK")));
  EXPECT_EQ(test::saved_ipv6_rules(), test::without_noise(dry_run_text(settings)));
}

TEST_F(Install, OfIpv6OnlyLeavesIpv4WithoutTables) {
  CaptureSettings settings = capture_port(80);
  settings.ip_family = IpFamily::kIpv6;
  install_capture(settings);
  EXPECT_THAT(test::saved_ipv4_rules(), IsEmpty());
  EXPECT_EQ(saved_rules(), test::without_noise(dry_run_text(settings)));
}

TEST_F(Install, WithoutDropInvalidRemovesTheMangleRules) {
  install_capture(capture_port(80));
  CaptureSettings settings = capture_port(80);
  settings.drop_invalid = false;
  install_capture(settings);
  EXPECT_THAT(saved_rules(), Not(HasSubstr("INVALID")));
  EXPECT_THAT(difference_to_kernel(settings), IsEmpty());
}

TEST_F(Install, RepairsWhatSomebodyTookAway) {
  install_capture(capture_port(80));
  const std::string whole = saved_rules();
  test::output_of("iptables-legacy -t nat -F SIDELOCK_IN; ip6tables-legacy -t nat -D OUTPUT 1");
  EXPECT_THAT(difference_to_kernel(capture_port(80)), HasSubstr("IPv4 table nat"));
  install_capture(capture_port(80));
  EXPECT_EQ(saved_rules(), whole);
}

TEST_F(Install, NoticesAChangedPortAndAnAddedMatch) {
  install_capture(capture_port(80));
  test::output_of(
      "iptables-legacy -t nat -R SIDELOCK_IN 1 -p tcp -m tcp --dport 80 -m addrtype --dst-type LOCAL "
      "-j REDIRECT --to-ports 19101");
  EXPECT_THAT(difference_to_kernel(capture_port(80)), HasSubstr("--to-ports 19101"));
  test::output_of(
      "iptables-legacy -t nat -R SIDELOCK_IN 1 -p tcp -m tcp --dport 80 --sport 7 -m addrtype "
      "--dst-type LOCAL -j REDIRECT --to-ports 19100");
  EXPECT_THAT(difference_to_kernel(capture_port(80)), HasSubstr("LOCAL ... -j REDIRECT"));
}

}  // namespace
}  // namespace sidelock
