// The dry run's text is good for iptables-restore, and restored rules are as good as installed ones.
#include <fstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "netsetup/init.h"
#include "netsetup/iptables/backend.h"
#include "netsetup/verify.h"
#include "support/capture_settings.h"
#include "support/namespace.h"
#include "support/shell.h"

namespace sidelock {
namespace {

using test::output_of;
using ::testing::IsEmpty;

class Text : public test::NamespaceTest {
 protected:
  // Writes the two sections of the dry run to /run/4 and /run/6.
  static void write_sections(const CaptureSettings& settings) {
    const std::string text = dry_run_text(settings);
    const std::size_t ipv6 = text.find("# IPv6 (ip6tables-restore)\n");
    ASSERT_EQ(text.rfind("# IPv4 (iptables-restore)\n", 0), 0U);
    ASSERT_NE(ipv6, std::string::npos);
    std::ofstream{"/run/4"} << text.substr(0, ipv6);
    std::ofstream{"/run/6"} << text.substr(ipv6);
  }

  static std::string difference_to_kernel(const CaptureSettings& settings) {
    iptables::IptablesBackend backend{std::chrono::seconds{1}};
    return difference(make_plan(settings), backend.read());
  }

  static CaptureSettings settings() {
    CaptureSettings settings = test::capture({{80, 80}, {1000, 1040}});
    settings.exclude_interfaces = {"docker+"};
    settings.exclude_sources = {*Cidr::parse("10.0.0.0/8"), *Cidr::parse("fd66::/64")};
    return settings;
  }
};

TEST_F(Text, OfTheDryRunIsAcceptedByRestoreAndTouchesNothing) {
  write_sections(settings());
  output_of("iptables-legacy-restore --test /run/4 && ip6tables-legacy-restore --test /run/6");
  EXPECT_THAT(test::run("iptables-legacy-save | grep -- -A").output, IsEmpty());
}

TEST_F(Text, OfTheDryRunRestoredPassesOurVerification) {
  write_sections(settings());
  output_of("iptables-legacy-restore /run/4 && ip6tables-legacy-restore /run/6");
  EXPECT_THAT(difference_to_kernel(settings()), IsEmpty());
}

TEST_F(Text, SavedAndRestoredPassesOurVerification) {
  install_capture(settings());
  output_of(
      "iptables-legacy-save > /run/4; ip6tables-legacy-save > /run/6; "
      "iptables-legacy -t nat -F; iptables-legacy -t nat -X; "
      "iptables-legacy-restore /run/4 && ip6tables-legacy-restore /run/6");
  EXPECT_THAT(difference_to_kernel(settings()), IsEmpty());
}

TEST_F(Text, OfTheProgramsDryRunIsWhatInitInstalls) {
  const std::string arguments = " init --ports 80,1000-1040 --exclude-sources 10.0.0.1 --self-signed test";
  const std::string planned = output_of(test::sidelock_program() + arguments + " --dry-run");
  EXPECT_EQ(test::saved_rules(), "");
  output_of(test::sidelock_program() + arguments);
  EXPECT_EQ(test::saved_rules(), test::without_noise(planned));
}

TEST_F(Text, StaysVerifiedAHundredTimes) {
  install_capture(settings());
  for (int i = 0; i < 100; ++i) ASSERT_THAT(difference_to_kernel(settings()), IsEmpty());
}

}  // namespace
}  // namespace sidelock
