// What can happen between two steps of init, made to happen there each time: the shim runs a command around the writing
// of one table. Table 1 is IPv4 filter, 2 mangle, 3 nat, 4 to 6 the same of IPv6.
#include <csignal>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "netsetup/init.h"
#include "support/capture_settings.h"
#include "support/namespace.h"
#include "support/shell.h"

namespace sidelock {
namespace {

using test::capture;
using test::capture_port;
using test::Finished;
using test::output_of;
using test::saved_rules;
using ::testing::HasSubstr;

constexpr const char* kTables[]{"1", "2", "3", "4", "5", "6"};

// The shell's parent is init itself.
constexpr const char* kKillInit = "kill -KILL $PPID";

class Moments : public test::NamespaceTest {
 protected:
  // init for port 81, with `command` run "BEFORE" or "AFTER" the writing of `table`.
  static Finished init_with(const std::string& table, const std::string& when, const std::string& command) {
    return test::run_shimmed("SHIM_AT=" + table + " SHIM_" + when + "='" + command + '\'', "init --ports 81");
  }

  // A second init by nftables, killed after its `transaction`-th: the guard goes up, the rules change, it goes down.
  static void kill_after_transaction(const std::string& transaction, const std::string& settings) {
    CaptureSettings before = capture({{80, 80}, {1000, 1100}});
    before.backend = BackendChoice::kNftables;
    install_capture(before);
    const Finished init =
        test::run_shimmed("SHIM_AT=" + transaction + " SHIM_AFTER='" + kKillInit + '\'', "init " + settings);
    EXPECT_EQ(init.status, 128 + SIGKILL) << init.output;
  }

  static std::string text_of(const CaptureSettings& settings) { return test::without_noise(dry_run_text(settings)); }
};

TEST_F(Moments, KilledAroundEachTableTheNextInitIsExactlyRight) {
  for (const char* when : {"BEFORE", "AFTER"}) {
    for (const char* table : kTables) {
      install_capture(capture({{80, 80}, {1000, 1100}}));
      EXPECT_EQ(init_with(table, when, kKillInit).status, 128 + SIGKILL) << when << ' ' << table;
      install_capture(capture_port(82));
      EXPECT_EQ(saved_rules(), text_of(capture_port(82))) << when << ' ' << table;
    }
  }
}

TEST_F(Moments, KilledBeforeNatThereIsNoProbeRuleThatWouldProveMangle) {
  EXPECT_EQ(init_with("3", "BEFORE", kKillInit).status, 128 + SIGKILL);
  EXPECT_THAT(saved_rules(), HasSubstr("INVALID"));
  EXPECT_THAT(saved_rules(), Not(HasSubstr("probe")));
}

TEST_F(Moments, KilledUnderItsGuardInitLeavesItAndTheNextOneRemovesIt) {
  const std::string settings = "--backend nftables --ports 80,443";
  for (const char* transaction : {"1", "2"}) {
    kill_after_transaction(transaction, settings);
    EXPECT_THAT(test::saved_nftables_rules(), HasSubstr("chain guard"));
    const Finished doctor = test::run(test::sidelock_program() + " doctor --self-signed test " + settings);
    EXPECT_THAT(doctor.output, HasSubstr("the guard of an init that did not come to its end"));
    output_of(test::sidelock_program() + " init " + settings);
    EXPECT_EQ(test::saved_nftables_rules(), output_of(test::sidelock_program() + " init --dry-run " + settings));
    kill_after_transaction(transaction, settings);
    output_of(test::sidelock_program() + " cleanup");
    EXPECT_EQ(test::saved_nftables_rules(), "");
  }
}

TEST_F(Moments, ARuleOfOthersThatCameFirstStaysAndOursAreWhole) {
  for (const char* table : kTables) {
    const Finished init = init_with(table, "BEFORE",
                                    "for t in iptables-legacy ip6tables-legacy; do"
                                    "  $t -t mangle -A OUTPUT -p udp -j RETURN && $t -t nat -A OUTPUT -p udp -j RETURN;"
                                    "done");
    EXPECT_EQ(init.status, 0) << init.output;
    output_of(
        "for t in nat mangle; do for i in iptables-legacy ip6tables-legacy; do $i -t $t -D OUTPUT -p udp -j RETURN; "
        "done; done");
    EXPECT_EQ(saved_rules(), text_of(capture_port(81))) << table;
  }
}

// libiptc writes the counters in a step of its own.
TEST_F(Moments, ARuleOfOursThatIsDeletedBeforeTheCountersAreWrittenComesBack) {
  const Finished init = init_with("6", "AFTER", "ip6tables-legacy -t nat -F OUTPUT");
  EXPECT_EQ(init.status, 0) << init.output;
  EXPECT_EQ(saved_rules(), text_of(capture_port(81)));
}

TEST_F(Moments, ADamageInATableThatIsDoneIsAFailureAndTheFormerRulesComeBack) {
  for (const char* damage :
       {"iptables-legacy -t nat -F SIDELOCK_IN", "iptables-legacy -t nat -F OUTPUT",
        "iptables-legacy -t nat -I SIDELOCK_IN -j RETURN", "ip6tables-legacy -t mangle -F PREROUTING",
        "iptables-legacy -t nat -R PREROUTING 1 -i eth7 -p tcp -j SIDELOCK_IN"}) {
    install_capture(capture({{80, 80}, {1000, 1100}}));
    const Finished init = init_with("6", "AFTER", damage);
    EXPECT_EQ(init.status, 5) << damage << '\n' << init.output;
    EXPECT_EQ(saved_rules(), text_of(capture({{80, 80}, {1000, 1100}}))) << damage;
  }
}

TEST_F(Moments, TheLockIsHeldUntilTheLastTableIsWritten) {
  const Finished init = init_with("6", "AFTER", "! flock --nonblock /run/xtables.lock true");
  EXPECT_EQ(init.status, 0) << init.output;
}

TEST_F(Moments, WhatTheHeapHeldBeforeDoesNotMatter) {
  for (const char* perturbation : {"1", "90", "165", "255"}) {
    for (const char* ports : {"80,443,1000-1040", "80"}) {
      output_of(std::string{"MALLOC_PERTURB_="} + perturbation + ' ' + test::sidelock_program() + " init --ports " +
                ports);
    }
  }
}

}  // namespace
}  // namespace sidelock
