// Which backend is taken, and that only one of them holds our rules.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/file.h>

#include "base/error.h"
#include "base/fd.h"
#include "netsetup/init.h"
#include "netsetup/nftables/backend.h"
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

// Whoever holds the lock of iptables keeps our old rules there.
class Locked {
 public:
  Locked() : file_{::open("/run/xtables.lock", O_RDWR | O_CREAT | O_CLOEXEC, 0600)} {
    EXPECT_EQ(::flock(file_.get(), LOCK_EX | LOCK_NB), 0);
  }

 private:
  Fd file_;
};

TEST_F(Backends, ThatCannotRemoveTheOldRulesKeepTheNewOnes) {
  init("--backend iptables");
  CaptureSettings settings = capture_port(80);
  settings.backend = BackendChoice::kNftables;
  settings.lock_wait = std::chrono::milliseconds{0};
  const Locked locked;
  EXPECT_THROW(install_capture(settings), Failure);
  EXPECT_THAT(test::saved_nftables_rules(), HasSubstr("table inet sidelock"));
}

TEST_F(Backends, ThatCannotBeCleanedUpFailTheCleanup) {
  output_of("iptables-legacy -t nat -N THEIRS");
  init("--backend nftables");
  CaptureSettings settings = capture_port(80);
  settings.lock_wait = std::chrono::milliseconds{0};
  const Locked locked;
  EXPECT_THROW(remove_capture(settings), Failure);
}

// Removes our rules when they have been verified, as an init with the other backend at the same time does.
class Overtaken final : public Backend {
 public:
  [[nodiscard]] BackendKind kind() const override { return backend_.kind(); }
  void apply(const Plan& plan) override { backend_.apply(plan); }
  Plan read() override {
    if (++reads_ == 3) output_of("nft delete table inet sidelock");
    return backend_.read();
  }
  Foreign foreign(BackendKind ours) override { return backend_.foreign(ours); }
  bool remove() override { return backend_.remove(); }

 private:
  nftables::NftablesBackend backend_{std::chrono::seconds{1}};
  int reads_ = 0;
};

TEST_F(Backends, ThatRemoveEachOtherDoNotBothSucceed) {
  Overtaken backend;
  try {
    install_capture(capture_port(80), backend);
    FAIL() << "rules that are gone were reported as installed";
  } catch (const Failure& failure) {
    EXPECT_EQ(failure.code(), ExitCode::kVerificationFailed);
  }
}

TEST_F(Backends, AreNamedByVersion) {
  EXPECT_THAT(output_of(test::sidelock_program() + " version"), HasSubstr("redirect, tproxy (iptables, nftables)"));
}

}  // namespace
}  // namespace sidelock
