// Rules of others: they survive init and cleanup, and init refuses those that would take connections from ours.
#include <functional>
#include <utility>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/error.h"
#include "netsetup/init.h"
#include "netsetup/iptables/backend.h"
#include "support/capture_settings.h"
#include "support/namespace.h"
#include "support/shell.h"

namespace sidelock {
namespace {

using test::capture_port;
using test::output_of;
using test::saved_rules;
using ::testing::HasSubstr;

class ForeignRules : public test::NamespaceTest {};

constexpr const char* kForeignRules =
    "for t in iptables-legacy ip6tables-legacy; do"
    "  $t -t nat -N THEIRS; $t -t nat -A THEIRS -p udp --dport 53 -j REDIRECT --to-ports 5353;"
    "  $t -t nat -A PREROUTING -p udp -j THEIRS; $t -t nat -A OUTPUT -p tcp --dport 81 -j ACCEPT;"
    "  $t -t nat -A POSTROUTING -o eth9 -j MASQUERADE; $t -t mangle -A PREROUTING -p tcp -j MARK --set-mark 7;"
    "  $t -t mangle -P FORWARD DROP; $t -A INPUT -p tcp --dport 9 -j DROP; done";

// Does what another program could do between the writing of our rules and the reading.
class Meddled final : public Backend {
 public:
  explicit Meddled(std::function<void()> meddle) : meddle_{std::move(meddle)} {}
  void apply(const Plan& plan) override {
    backend_.apply(plan);
    if (auto once = std::exchange(meddle_, nullptr)) once();
  }
  [[nodiscard]] BackendKind kind() const override { return backend_.kind(); }
  Plan read() override { return backend_.read(); }
  Foreign foreign(BackendKind ours) override { return backend_.foreign(ours); }
  bool remove() override { return backend_.remove(); }

 private:
  iptables::IptablesBackend backend_{std::chrono::seconds{1}};
  std::function<void()> meddle_;
};

// The other program does not know our lock.
void without_lock(const std::string& rule) { output_of("XTABLES_LOCKFILE=/run/other.lock " + rule); }

ExitCode result_of_install(const CaptureSettings& settings, const std::string& rule, std::string& message) {
  Meddled backend{[&rule] { without_lock(rule); }};
  try {
    install_capture(settings, backend);
  } catch (const Failure& failure) {
    message = failure.what();
    return failure.code();
  }
  return ExitCode::kOk;
}

ExitCode code_of_install(const CaptureSettings& settings) {
  try {
    install_capture(settings);
  } catch (const Failure& failure) {
    return failure.code();
  }
  return ExitCode::kOk;
}

TEST_F(ForeignRules, SurviveInitAndCleanup) {
  output_of(kForeignRules);
  const std::string before = saved_rules();
  install_capture(capture_port(80));
  install_capture(capture_port(443));
  EXPECT_NE(saved_rules(), before);
  remove_capture(capture_port(443));
  EXPECT_EQ(saved_rules(), before);
}

TEST_F(ForeignRules, StandBehindOursAfterInit) {
  output_of("iptables-legacy -t nat -A PREROUTING -j ACCEPT");
  install_capture(capture_port(80));
  const std::string rules = saved_rules();
  EXPECT_LT(rules.find("-j SIDELOCK_IN"), rules.find("-A PREROUTING -j ACCEPT"));
}

TEST_F(ForeignRules, ThatAcceptAllOutputStandBehindTheProbe) {
  output_of("iptables-legacy -t nat -A OUTPUT -j ACCEPT");
  install_capture(capture_port(80));
  const std::string rules = saved_rules();
  EXPECT_LT(rules.find("-A OUTPUT -o lo -p tcp"), rules.find("-A OUTPUT -j ACCEPT"));
}

TEST_F(ForeignRules, BeforeOursFailTheVerificationAndOursGoAway) {
  for (const char* target : {"ACCEPT", "THEIRS"}) {
    output_of("iptables-legacy -t nat -N THEIRS 2>/dev/null; true");
    std::string message;
    const ExitCode code = result_of_install(
        capture_port(80), std::string{"iptables-legacy -t nat -I PREROUTING -p tcp -j "} + target, message);
    EXPECT_EQ(code, ExitCode::kVerificationFailed) << target;
    EXPECT_THAT(message, HasSubstr(std::string{"`-A PREROUTING -p tcp -j "} + target + '`'));
    EXPECT_EQ(saved_rules().find("SIDELOCK"), std::string::npos);
    EXPECT_NE(saved_rules().find(std::string{"-A PREROUTING -p tcp -j "} + target), std::string::npos);
  }
}

TEST_F(ForeignRules, BeforeOursGiveBackTheRulesOfTheInitBefore) {
  install_capture(capture_port(80));
  const std::string before = saved_rules();
  std::string message;
  EXPECT_EQ(result_of_install(capture_port(443), "ip6tables-legacy -t nat -I PREROUTING -j ACCEPT", message),
            ExitCode::kVerificationFailed);
  output_of("ip6tables-legacy -t nat -D PREROUTING -j ACCEPT");
  EXPECT_EQ(saved_rules(), before);
}

TEST_F(ForeignRules, BeforeOursArePermittedOnRequest) {
  CaptureSettings settings = capture_port(80);
  settings.allow_foreign_before = true;
  std::string message;
  EXPECT_EQ(result_of_install(settings, "iptables-legacy -t nat -I PREROUTING -p tcp -j ACCEPT", message),
            ExitCode::kOk);
}

TEST_F(ForeignRules, ThatCannotMatchOurPortsMayStandBefore) {
  for (const char* rule : {"-p udp -j ACCEPT", "-p tcp --dport 81:99 -j ACCEPT", "-i lo -j ACCEPT", "-j LOG"}) {
    std::string message;
    EXPECT_EQ(result_of_install(capture_port(80), std::string{"iptables-legacy -t nat -I PREROUTING "} + rule, message),
              ExitCode::kOk)
        << rule << ": " << message;
  }
}

// Without tracking no connection is redirected: all would reach the app in plain text.
TEST_F(ForeignRules, ThatKeepConnectionsFromBeingTrackedAreRefusedUnlessByTproxy) {
  for (const BackendChoice backend : {BackendChoice::kIptables, BackendChoice::kNftables}) {
    for (const char* untrack : {"iptables-legacy -t raw -A PREROUTING -p tcp --dport 80 -j CT --notrack",
                                "ip6tables-legacy -t raw -A PREROUTING -j CT --notrack",
                                "iptables-nft -t raw -A PREROUTING -p tcp --dport 80 -j CT --notrack"}) {
      output_of(untrack);
      CaptureSettings settings = capture_port(80);
      settings.backend = backend;
      EXPECT_EQ(code_of_install(settings), ExitCode::kVerificationFailed) << untrack;
      EXPECT_EQ(saved_rules().find("SIDELOCK"), std::string::npos);
      settings.allow_foreign_before = true;
      EXPECT_EQ(code_of_install(settings), ExitCode::kOk) << untrack;
      remove_capture(settings);
      std::string retrack = untrack;
      retrack.replace(retrack.find("-A "), 2, "-D");
      output_of(retrack);
    }
  }
  output_of("iptables-legacy -t raw -A PREROUTING -p tcp --dport 80 -j CT --notrack");
  CaptureSettings divert = capture_port(80);
  divert.mode = CaptureMode::kTproxy;
  EXPECT_EQ(code_of_install(divert), ExitCode::kOk);
}

TEST_F(ForeignRules, InTableRawThatTakeNothingAreAccepted) {
  output_of(
      "iptables-legacy -t raw -A PREROUTING -p tcp --dport 81 -j CT --notrack; "
      "iptables-legacy -t raw -A PREROUTING -p udp -j DROP; iptables-legacy -t raw -A PREROUTING -j ACCEPT");
  EXPECT_EQ(code_of_install(capture_port(80)), ExitCode::kOk);
}

TEST_F(ForeignRules, InTheOtherBackendAreRefusedToo) {
  for (const auto& [hook, rule] : std::initializer_list<std::pair<const char*, const char*>>{
           {"filter hook prerouting priority raw", "tcp dport 80 notrack"},
           {"nat hook prerouting priority -110", "tcp dport 80 redirect to :9"},
           {"nat hook prerouting priority -100", "tcp dport 80 redirect to :9"}}) {
    output_of(std::string{"nft add table ip theirs; nft add chain ip theirs c '{ type "} + hook +
              "; }'; nft add rule ip theirs c " + rule);
    CaptureSettings settings = capture_port(80);
    settings.backend = BackendChoice::kIptables;
    EXPECT_EQ(code_of_install(settings), ExitCode::kVerificationFailed) << rule;
    output_of("nft delete table ip theirs");
    EXPECT_EQ(code_of_install(settings), ExitCode::kOk);
    remove_capture(settings);
  }
  output_of("iptables-nft -t nat -A PREROUTING -p tcp --dport 80 -j REDIRECT --to-ports 9");
  CaptureSettings settings = capture_port(80);
  settings.backend = BackendChoice::kIptables;
  EXPECT_EQ(code_of_install(settings), ExitCode::kVerificationFailed);
  settings.backend = BackendChoice::kNftables;
  EXPECT_EQ(code_of_install(settings), ExitCode::kOk);
}

TEST_F(ForeignRules, OfANodeInTheOtherBackendAreRefused) {
  output_of("nft add table ip nat; nft add chain ip nat KUBE-SERVICES");
  CaptureSettings settings = capture_port(80);
  settings.backend = BackendChoice::kIptables;
  EXPECT_EQ(code_of_install(settings), ExitCode::kUsage);
}

TEST_F(ForeignRules, InPlaceOfOursFailTheVerification) {
  std::string message;
  EXPECT_EQ(result_of_install(capture_port(80), "iptables-legacy -t nat -F SIDELOCK_IN", message),
            ExitCode::kVerificationFailed);
  EXPECT_THAT(message, HasSubstr("--dport 80"));
  EXPECT_EQ(saved_rules().find("SIDELOCK"), std::string::npos);
}

TEST_F(ForeignRules, OfANodeAreRefusedUnlessPermitted) {
  output_of("iptables-legacy -t nat -N KUBE-SERVICES");
  CaptureSettings settings = capture_port(80);
  try {
    install_capture(settings);
    FAIL() << "a node's namespace was taken";
  } catch (const Failure& failure) {
    EXPECT_EQ(failure.code(), ExitCode::kUsage);
    EXPECT_THAT(failure.what(), HasSubstr("KUBE-SERVICES"));
  }
  EXPECT_EQ(saved_rules().find("SIDELOCK"), std::string::npos);
  settings.allow_host_network = true;
  install_capture(settings);
}

class NodeAddress : public test::NamespaceTest {};

TEST_F(NodeAddress, AsThePodsIsRefusedUnlessPermitted) {
  const std::string init = test::sidelock_program() + " init --ports 80 --self-signed test";
  EXPECT_EQ(test::run("POD_IP=192.0.2.1 HOST_IP=192.0.2.1 " + init).status, 2);
  EXPECT_EQ(test::run("POD_IP=192.0.2.1 HOST_IP=192.0.2.1 " + init + " --allow-host-network").status, 0);
  EXPECT_EQ(test::run("POD_IP=192.0.2.1 HOST_IP=192.0.2.2 " + init).status, 0);
}

}  // namespace
}  // namespace sidelock
