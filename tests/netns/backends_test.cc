// Which backend is taken, and that only one of them holds our rules.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "netsetup/init.h"
#include "support/capture_settings.h"
#include "support/namespace.h"
#include "support/shell.h"

namespace sidelock {
namespace {

using test::capture_port;
using test::output_of;
using ::testing::HasSubstr;
using ::testing::Not;

class Backends : public test::NamespaceTest {
 protected:
  static std::string init(const std::string& arguments = "") {
    return output_of(test::sidelock_program() + " init --ports 80 " + arguments);
  }

  static void expect_only_iptables() {
    EXPECT_THAT(test::saved_rules(), HasSubstr("SIDELOCK_IN"));
    EXPECT_THAT(test::saved_nftables_rules(), Not(HasSubstr("table inet sidelock")));
  }

  static void expect_only_nftables() {
    EXPECT_THAT(test::saved_rules(), Not(HasSubstr("SIDELOCK")));
    EXPECT_THAT(test::saved_nftables_rules(), HasSubstr("table inet sidelock"));
  }
};

TEST_F(Backends, InUseByOthersIsTakenIptablesFirst) {
  output_of("nft add table ip theirs");
  EXPECT_THAT(init(), HasSubstr("backend nftables: this namespace has tables of nftables and none of iptables"));
  expect_only_nftables();
  output_of("iptables-legacy -t filter -A INPUT -p udp -j ACCEPT");
  EXPECT_THAT(init(), HasSubstr("backend iptables: this namespace has tables of iptables"));
  expect_only_iptables();
}

TEST_F(Backends, InUseByUsIsTakenAgain) {
  init("--backend nftables");
  EXPECT_THAT(init(), HasSubstr("backend nftables: this namespace has tables of nftables"));
  expect_only_nftables();
}

TEST_F(Backends, ReplaceEachOther) {
  for (int round = 0; round < 3; ++round) {
    init("--backend iptables");
    expect_only_iptables();
    init("--backend nftables");
    expect_only_nftables();
  }
}

TEST_F(Backends, AreBothCleanedUp) {
  CaptureSettings settings = capture_port(80);
  for (const BackendChoice choice : {BackendChoice::kIptables, BackendChoice::kNftables}) {
    settings.backend = choice;
    install_capture(settings);
    remove_capture(capture_port(80));
    EXPECT_THAT(test::saved_rules() + test::saved_nftables_rules(), Not(HasSubstr("SIDELOCK")));
    EXPECT_THAT(test::saved_nftables_rules(), Not(HasSubstr("sidelock")));
  }
}

TEST_F(Backends, AreNamedByVersion) {
  EXPECT_THAT(output_of(test::sidelock_program() + " version"), HasSubstr("redirect, tproxy (iptables, nftables)"));
}

}  // namespace
}  // namespace sidelock
