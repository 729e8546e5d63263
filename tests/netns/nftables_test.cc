// The nftables backend: the kernel holds exactly the plan, nft prints it as we do, and nothing else of nftables
// changes.
#include "netsetup/nftables/backend.h"

#include <fstream>
#include <functional>
#include <utility>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/error.h"
#include "netsetup/init.h"
#include "netsetup/verify.h"
#include "support/capture_settings.h"
#include "support/namespace.h"
#include "support/shell.h"

namespace sidelock {
namespace {

using nftables::NftablesBackend;
using test::capture;
using test::output_of;
using test::saved_nftables_rules;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

// Does what another program could do between the writing of our rules and the reading.
class Meddled final : public Backend {
 public:
  explicit Meddled(std::string command) : command_{std::move(command)} {}
  [[nodiscard]] BackendKind kind() const override { return backend_.kind(); }
  void apply(const Plan& plan) override {
    backend_.apply(plan);
    if (const std::string command = std::exchange(command_, ""); !command.empty()) output_of(command);
  }
  Plan read() override { return backend_.read(); }
  Foreign foreign(BackendKind ours) override { return backend_.foreign(ours); }
  bool remove() override { return backend_.remove(); }

 private:
  NftablesBackend backend_{std::chrono::seconds{1}};
  std::string command_;
};

class Nftables : public test::NamespaceTest {
 protected:
  static CaptureSettings nft(CaptureSettings settings) {
    settings.backend = BackendChoice::kNftables;
    return settings;
  }

  static CaptureSettings port(std::uint16_t number) { return nft(test::capture_port(number)); }

  static std::string text(const CaptureSettings& settings) { return dry_run_text(settings, BackendKind::kNftables); }

  static std::string difference_to_kernel(const CaptureSettings& settings) {
    NftablesBackend backend{std::chrono::seconds{1}};
    return difference(make_plan(settings, BackendKind::kNftables), backend.read());
  }

  // Empty when init accepted what `command` did between writing and reading.
  static std::string failure_after(const std::string& command, const CaptureSettings& settings) {
    Meddled backend{command};
    try {
      install_capture(settings, backend);
    } catch (const Failure& failure) {
      EXPECT_EQ(failure.code(), ExitCode::kVerificationFailed) << failure.what();
      return failure.what();
    }
    return {};
  }

  static std::vector<CaptureSettings> all_kinds() {
    CaptureSettings one = port(80);
    CaptureSettings excluding = nft(capture({{80, 80}, {443, 443}, {8000, 8003}}));
    excluding.exclude_interfaces = {"docker0", "veth+"};
    excluding.exclude_sources = {*Cidr::parse("0.0.0.0/0"),   *Cidr::parse("10.0.0.0/8"), *Cidr::parse("10.0.0.0/9"),
                                 *Cidr::parse("10.1.2.3"),    *Cidr::parse("fd66::/64"),  *Cidr::parse("fd66::/61"),
                                 *Cidr::parse("fd66::1/128"), *Cidr::parse("::/0")};
    CaptureSettings interfaces = port(443);
    interfaces.interfaces = {"eth0", "net+", "a23456789012345"};
    interfaces.drop_invalid = false;
    CaptureSettings many = nft(capture({{22, 22}, {1000, 1999}, {65535, 65535}}));
    std::vector<CaptureSettings> all{one, excluding, interfaces, many};
    for (const IpFamily family : {IpFamily::kIpv4, IpFamily::kIpv6, IpFamily::kDual}) {
      for (const CaptureMode mode : {CaptureMode::kRedirect, CaptureMode::kTproxy}) {
        CaptureSettings each = nft(capture({{80, 99}, {443, 443}}));
        each.ip_family = family;
        each.mode = mode;
        each.exclude_sources = {*Cidr::parse("0.0.0.0/0"), *Cidr::parse("::/0")};
        all.push_back(each);
      }
    }
    return all;
  }
};

TEST_F(Nftables, HoldsThePlanAsNftPrintsIt) {
  for (const CaptureSettings& settings : all_kinds()) {
    install_capture(settings);
    EXPECT_EQ(saved_nftables_rules(), text(settings));
    EXPECT_THAT(difference_to_kernel(settings), IsEmpty());
    remove_capture(settings);
    EXPECT_THAT(saved_nftables_rules(), IsEmpty());
  }
}

TEST_F(Nftables, TextIsAcceptedByNftAndThenPassesOurVerification) {
  for (const CaptureSettings& settings : all_kinds()) {
    std::ofstream{"/run/rules"} << text(settings);
    output_of("nft -c -f - < /run/rules");
    EXPECT_THAT(saved_nftables_rules(), IsEmpty());
    output_of("nft -f /run/rules");
    EXPECT_THAT(difference_to_kernel(settings), IsEmpty());
    remove_capture(settings);
  }
}

TEST_F(Nftables, TextOfTheProgramsDryRunIsWhatInitInstalls) {
  const std::string init = test::sidelock_program() + " init --backend nftables --ports 80,1000-1040 ";
  const std::string planned = output_of(init + "--dry-run");
  EXPECT_THAT(saved_nftables_rules(), IsEmpty());
  output_of(init);
  EXPECT_EQ(saved_nftables_rules(), planned);
}

TEST_F(Nftables, GoesFromAnySettingsToAnyOther) {
  const std::vector<CaptureSettings> all = all_kinds();
  for (const CaptureSettings& before : all) {
    for (const CaptureSettings& after : all) {
      install_capture(before);
      install_capture(after);
      ASSERT_THAT(difference_to_kernel(after), IsEmpty());
    }
  }
}

TEST_F(Nftables, TakesAsManyPortsAsThereIsRoomFor) {
  const CaptureSettings settings = nft(capture({{1, 9090}}));
  install_capture(settings);
  EXPECT_THAT(difference_to_kernel(settings), IsEmpty());
}

TEST_F(Nftables, RepairsEveryDamageAndSeesItBefore) {
  const CaptureSettings settings = nft(capture({{80, 80}, {1000, 1040}}));
  for (const char* damage :
       {"nft flush chain inet sidelock nat_in", "nft flush table inet sidelock",
        "nft add rule inet sidelock nat_in accept", "nft insert rule inet sidelock nat_in tcp dport 80 return",
        "nft insert rule inet sidelock nat_prerouting accept", "nft add chain inet sidelock other",
        "nft add chain inet sidelock other '{ type filter hook input priority 0; }'",
        "nft chain inet sidelock nat_prerouting '{ policy drop; }'", "nft add table inet sidelock '{ flags dormant; }'",
        "nft delete table inet sidelock",
        "nft delete table inet sidelock; nft add table inet sidelock; "
        "nft add chain inet sidelock nat_prerouting '{ type nat hook prerouting priority 5; }'"}) {
    install_capture(settings);
    output_of(damage);
    EXPECT_THAT(difference_to_kernel(settings), Not(IsEmpty())) << damage;
    install_capture(settings);
    EXPECT_THAT(difference_to_kernel(settings), IsEmpty()) << damage;
    EXPECT_THAT(saved_nftables_rules(), Not(HasSubstr("other")));
  }
}

TEST_F(Nftables, SeesAMapThatLeadsElsewhere) {
  const CaptureSettings settings = nft(capture({{1000, 1040}}));
  std::string wrong = text(settings);
  wrong.replace(wrong.find("1007 : 19107"), 12, "1007 : 19108");
  std::ofstream{"/run/rules"} << wrong;
  output_of("nft -f /run/rules");
  EXPECT_THAT(difference_to_kernel(settings), HasSubstr("..."));
}

TEST_F(Nftables, LeavesTheRulesOfOthersAlone) {
  output_of(
      "nft add table inet sidelocks; nft add chain inet sidelocks in '{ type filter hook input priority 0; }'; "
      "nft add table ip sidelock; nft add chain ip sidelock x; nft add rule ip sidelock x tcp dport '{ 1, 2 }' drop");
  const std::string before = saved_nftables_rules();
  install_capture(port(80));
  install_capture(port(81));
  EXPECT_NE(saved_nftables_rules(), before);
  remove_capture(port(81));
  EXPECT_EQ(saved_nftables_rules(), before);
}

TEST_F(Nftables, BringsBackTheRulesBeforeWhenTheVerificationFails) {
  install_capture(port(443));
  const std::string before = saved_nftables_rules();
  EXPECT_THAT(failure_after("nft flush chain inet sidelock nat_in", port(80)), HasSubstr("tcp dport 80"));
  EXPECT_EQ(saved_nftables_rules(), before);
}

std::string chain_of_others(const std::string& hook, const std::string& rule) {
  return "nft add table inet theirs; nft flush table inet theirs; nft add chain inet theirs sub; "
         "nft delete chain inet theirs c 2>/dev/null; "
         "nft add chain inet theirs c '{ type " +
         hook + "; }'; nft add rule inet theirs c " + rule;
}

TEST_F(Nftables, RefusesRulesOfOthersThatTakeConnectionsFirst) {
  for (const auto& [hook, rule] : std::initializer_list<std::pair<const char*, const char*>>{
           {"nat hook prerouting priority -102", "tcp dport 80 redirect to :9"},
           {"filter hook prerouting priority -300", "tcp dport 1-100 notrack"},
           {"filter hook prerouting priority -300", "tcp sport 1024-65535 notrack"},
           {"filter hook prerouting priority -300", "tcp sport '{ 1024, 1025 }' notrack"},
           {"filter hook prerouting priority -300", "tcp dport != '{ 81, 82 }' notrack"},
           {"nat hook prerouting priority -101", "tcp dport 80 redirect to :9"},
           {"filter hook prerouting priority -200", "tcp dport 80 drop"},
           {"filter hook prerouting priority -200", "jump sub; nft add rule inet theirs sub drop"},
           {"filter hook prerouting priority -152", "meta l4proto tcp tproxy to :9"}}) {
    EXPECT_THAT(failure_after(chain_of_others(hook, rule), port(80)), HasSubstr("table inet theirs, chain ")) << rule;
    EXPECT_THAT(saved_nftables_rules(), Not(HasSubstr("table inet sidelock")));
    CaptureSettings permitted = port(80);
    permitted.allow_foreign_before = true;
    EXPECT_THAT(failure_after("", permitted), IsEmpty());
    remove_capture(port(80));
  }
}

TEST_F(Nftables, AcceptsRulesOfOthersThatTakeNothingFromOurs) {
  for (const auto& [hook, rule] : std::initializer_list<std::pair<const char*, const char*>>{
           {"nat hook prerouting priority -100", "tcp dport 80 redirect to :9"},
           {"nat hook prerouting priority -150", "accept"},
           {"filter hook prerouting priority -300", "udp dport 80 notrack"},
           {"filter hook prerouting priority -300", "tcp dport 81 notrack"},
           {"filter hook prerouting priority -300", "iifname lo notrack"},
           {"filter hook prerouting priority -300", "jump sub"},
           {"filter hook input priority -300", "drop"}}) {
    EXPECT_THAT(failure_after(chain_of_others(hook, rule), port(80)), IsEmpty()) << rule;
  }
}

}  // namespace
}  // namespace sidelock
