// Who may run init: root and anybody else with NET_ADMIN and NET_RAW; what is missing is named.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "support/namespace.h"
#include "support/shell.h"

namespace sidelock {
namespace {

using test::Finished;
using test::output_of;
using test::run;
using ::testing::HasSubstr;
using ::testing::Not;

constexpr const char* kArguments = " init --ports 80 --self-signed test";
// A program with file capabilities cannot be traced, and the leak check would want to.
constexpr const char* kEnvironment = "ASAN_OPTIONS=detect_leaks=0 ";

class Capabilities : public test::NamespaceTest {
 protected:
  static Finished init_under(const std::string& privileges, const std::string& program = test::sidelock_program(),
                             const std::string& arguments = "") {
    return run(kEnvironment + ("setpriv " + privileges + ' ') + program + kArguments + arguments);
  }

  // A copy of the program, in a directory that everybody may read, with file capabilities.
  static std::string program_with(const std::string& capabilities) {
    output_of("cp " + test::sidelock_program() + " /run/sidelock && chmod 755 /run/sidelock && setcap " + capabilities +
              " /run/sidelock");
    return "/run/sidelock";
  }
};

TEST_F(Capabilities, OfRootSuffice) { EXPECT_EQ(run(test::sidelock_program() + kArguments).status, 0); }

TEST_F(Capabilities, WithoutNetRawAreNamedWhenIptablesIsAskedFor) {
  const Finished init =
      init_under("--bounding-set -net_raw --inh-caps -net_raw", test::sidelock_program(), " --backend iptables");
  EXPECT_EQ(init.status, 3) << init.output;
  EXPECT_THAT(init.output, HasSubstr("missing: NET_RAW;"));
}

TEST_F(Capabilities, WithoutNetRawSufficeForNftables) {
  for (const char* before : {"true", "iptables-legacy -t nat -A OUTPUT -p udp -j ACCEPT"}) {
    output_of(before);
    const Finished init = init_under("--bounding-set -net_raw --inh-caps -net_raw");
    EXPECT_EQ(init.status, 0) << init.output;
    EXPECT_THAT(init.output, HasSubstr("backend nftables: NET_RAW is missing"));
    EXPECT_THAT(init.output, Not(HasSubstr("warning")));
    EXPECT_THAT(test::saved_nftables_rules(), HasSubstr("table inet sidelock"));
  }
}

TEST_F(Capabilities, WithoutNetRawAreNamedWhenIptablesHoldsOurOldRules) {
  for (const char* family : {"ipv4", "ipv6"}) {
    output_of(test::sidelock_program() + kArguments + " --backend iptables --ip-family " + family);
    const std::string before = test::saved_rules();
    const Finished init = init_under("--bounding-set -net_raw --inh-caps -net_raw");
    EXPECT_EQ(init.status, 3) << init.output;
    EXPECT_THAT(init.output, HasSubstr("takes NET_RAW beside NET_ADMIN; nothing was changed"));
    EXPECT_EQ(test::saved_rules(), before);
    EXPECT_EQ(test::saved_nftables_rules(), "");
  }
}

TEST_F(Capabilities, OnTheFileOfNetAdminAloneSufficeForAnotherUser) {
  const Finished init = init_under("--reuid 19100 --regid 19100 --clear-groups", program_with("cap_net_admin+p"));
  EXPECT_EQ(init.status, 0) << init.output;
  // Looking at a table would create it.
  EXPECT_EQ(output_of("cat /proc/net/ip_tables_names /proc/net/ip6_tables_names"), "");
  EXPECT_THAT(test::saved_nftables_rules(), HasSubstr("table inet sidelock"));
}

TEST_F(Capabilities, WithoutNetAdminAreNamed) {
  const Finished init = init_under("--bounding-set -net_admin --inh-caps -net_admin");
  EXPECT_EQ(init.status, 3) << init.output;
  EXPECT_THAT(init.output, HasSubstr("missing: NET_ADMIN;"));
}

TEST_F(Capabilities, OfAnotherUserAreNamed) {
  output_of("cp " + test::sidelock_program() + " /run/sidelock && chmod 755 /run/sidelock");
  const Finished init = init_under("--reuid 19100 --regid 19100 --clear-groups", "/run/sidelock");
  EXPECT_EQ(init.status, 3) << init.output;
  EXPECT_THAT(init.output, HasSubstr("missing: NET_ADMIN;"));
}

TEST_F(Capabilities, OnTheFileSufficeForAnotherUser) {
  const Finished init =
      init_under("--reuid 19100 --regid 19100 --clear-groups", program_with("cap_net_admin,cap_net_raw+p"));
  EXPECT_EQ(init.status, 0) << init.output;
  // What iptables has in use is for root to read.
  EXPECT_THAT(init.output, HasSubstr("backend nftables: whether iptables is in use cannot be read here"));
  EXPECT_THAT(test::saved_nftables_rules(), HasSubstr("table inet sidelock"));
}

TEST_F(Capabilities, OnTheFileSufficeForAnotherUserWithIptables) {
  const Finished init = init_under("--reuid 19100 --regid 19100 --clear-groups",
                                   program_with("cap_net_admin,cap_net_raw+p"), " --backend iptables");
  EXPECT_EQ(init.status, 0) << init.output;
  EXPECT_THAT(test::saved_rules(), HasSubstr("SIDELOCK_IN"));
}

// A runtime hands the permitted set to the first program of the container, and no_new_privs keeps what is already held.
TEST_F(Capabilities, OnTheFileAndHeldBeforeSufficeUnderNoNewPrivileges) {
  const Finished init = init_under(
      "--reuid 19100 --regid 19100 --clear-groups --no-new-privs --inh-caps +net_admin,+net_raw "
      "--ambient-caps +net_admin,+net_raw --bounding-set -all,+net_admin,+net_raw",
      program_with("cap_net_admin,cap_net_raw+p"), " --backend iptables");
  EXPECT_EQ(init.status, 0) << init.output;
  EXPECT_THAT(test::saved_rules(), HasSubstr("SIDELOCK_IN"));
}

TEST_F(Capabilities, OnTheFileOutsideTheBoundingSetLeaveTheProgramStartable) {
  const Finished init = init_under("--reuid 19100 --regid 19100 --clear-groups --bounding-set -all",
                                   program_with("cap_net_admin,cap_net_raw+p"));
  EXPECT_EQ(init.status, 3) << init.output;
  EXPECT_THAT(init.output, HasSubstr("missing: NET_ADMIN;"));
}

TEST_F(Capabilities, MissingInCleanupAreNamedToo) {
  output_of(test::sidelock_program() + kArguments + " --backend iptables");
  const Finished cleanup = run(std::string{kEnvironment} + "setpriv --bounding-set -net_raw --inh-caps -net_raw " +
                               test::sidelock_program() + " cleanup");
  EXPECT_EQ(cleanup.status, 3) << cleanup.output;
  EXPECT_THAT(test::saved_rules(), HasSubstr("SIDELOCK_IN"));
}

}  // namespace
}  // namespace sidelock
