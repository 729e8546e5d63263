// Other programs that write the same tables at the same time, with the xtables lock and without.
#include <cerrno>
#include <csignal>
#include <filesystem>

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/file.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/error.h"
#include "base/fd.h"
#include "netsetup/init.h"
#include "netsetup/iptables/table.h"
#include "netsetup/namespace_lock.h"
#include "support/capture_settings.h"
#include "support/namespace.h"
#include "support/shell.h"

namespace sidelock {
namespace {

using iptables::TableError;
using iptables::TableHandle;
using ::testing::ContainsRegex;
using ::testing::HasSubstr;
using ::testing::Not;

class Race : public test::NamespaceTest {};

Rule foreign_rule() {
  Rule rule;
  rule.comment = "theirs";
  rule.target = kReturn;
  return rule;
}

// Adds and removes a rule as fast as it can, and knows no lock.
[[noreturn]] void write_forever() {
  for (;;) {
    try {
      TableHandle adding{Family::kIpv4, Table::kNat};
      adding.append("INPUT", foreign_rule());
      adding.commit();
      TableHandle removing{Family::kIpv4, Table::kNat};
      removing.erase("INPUT", 0);
      removing.commit();
    } catch (const TableError& error) {
      // EINVAL: the table was written, and then changed before libiptc could restore the counters.
      if (error.number() != EAGAIN && error.number() != EINVAL && error.number() != E2BIG) ::_exit(1);
    }
  }
}

TEST_F(Race, LostToAnotherWriterIsToldByTheKernel) {
  TableHandle ours{Family::kIpv4, Table::kNat};
  ours.append("OUTPUT", foreign_rule());
  TableHandle theirs{Family::kIpv4, Table::kNat};
  theirs.append("INPUT", foreign_rule());
  theirs.commit();
  try {
    ours.commit();
    FAIL() << "the kernel took a stale table";
  } catch (const TableError& error) {
    EXPECT_EQ(error.number(), EAGAIN) << error.what();
  }
}

TEST_F(Race, WithAConcurrentWriterIsWonInTheEnd) {
  test::output_of("iptables-legacy -t nat -A POSTROUTING -o eth9 -j MASQUERADE");
  const pid_t writer = ::fork();
  if (writer == 0) write_forever();
  for (int i = 0; i < 100; ++i) {
    install_capture(i % 2 == 0 ? test::capture_port(80) : test::capture({{443, 445}}));
  }
  ::kill(writer, SIGKILL);
  int status = 0;
  ::waitpid(writer, &status, 0);
  EXPECT_TRUE(WIFSIGNALED(status)) << "the other writer gave up";
  EXPECT_THAT(test::saved_ipv4_rules(), HasSubstr("-A POSTROUTING -o eth9 -j MASQUERADE"));
  EXPECT_THAT(test::saved_ipv4_rules(), HasSubstr("--dport 445 "));
}

// Every replacement is followed by somebody's, so that libiptc never gives the counters back and reports EINVAL.
TEST_F(Race, ForTheCountersMayBeLostEachTime) {
  test::output_of("iptables-legacy -t nat -A POSTROUTING -o eth9 -j MASQUERADE");
  for (const std::string ports : {"80", "443,445"}) {
    const test::Finished finished =
        test::run_shimmed("SHIM_WITHOUT=counters", "init --backend iptables --ports " + ports);
    EXPECT_EQ(finished.status, 0) << finished.output;
  }
  EXPECT_THAT(test::saved_ipv4_rules(), HasSubstr("-A POSTROUTING -o eth9 -j MASQUERADE"));
  EXPECT_THAT(test::saved_ipv4_rules(), HasSubstr("--dport 445 "));
  const test::Finished cleanup = test::run_shimmed("SHIM_WITHOUT=counters", "cleanup");
  EXPECT_EQ(cleanup.status, 0) << cleanup.output;
  EXPECT_THAT(test::saved_rules(), Not(HasSubstr("SIDELOCK")));
}

// What somebody puts before ours in that moment goes behind them again.
TEST_F(Race, ForTheFirstPlaceIsWonInTheEnd) {
  const std::string theirs = "-A PREROUTING -p tcp -m tcp --dport 80 -j ACCEPT";
  const test::Finished finished =
      test::run_shimmed("SHIM_AT=1 SHIM_AFTER='iptables-legacy -t nat -I PREROUTING -p tcp --dport 80 -j ACCEPT'",
                        "init --backend iptables --drop-invalid off --hide-capture-ports off --ports 80");
  EXPECT_EQ(finished.status, 0) << finished.output;
  const std::string rules = test::saved_ipv4_rules();
  EXPECT_THAT(rules, HasSubstr(theirs));
  EXPECT_LT(rules.find("-j SIDELOCK_IN"), rules.find(theirs));
}

TEST_F(Race, ForTheLockEndsWithAClearErrorAfterLockWait) {
  const Fd file{::open("/run/xtables.lock", O_RDONLY | O_CREAT | O_CLOEXEC, 0600)};
  ASSERT_EQ(::flock(file.get(), LOCK_EX), 0);
  CaptureSettings settings = test::capture_port(80);
  settings.lock_wait = std::chrono::milliseconds{100};
  const auto start = std::chrono::steady_clock::now();
  try {
    install_capture(settings);
    FAIL() << "the lock was ignored";
  } catch (const Failure& failure) {
    EXPECT_EQ(failure.code(), ExitCode::kFailure);
    EXPECT_THAT(failure.what(), HasSubstr("/run/xtables.lock for all of 100 ms"));
  }
  EXPECT_GE(std::chrono::steady_clock::now() - start, settings.lock_wait);
  EXPECT_EQ(test::saved_rules(), "");
}

// Waits until the process has become the program and has the lock's file open, or has ended. Before that the file may
// be the one that it inherited from us.
void wait_until_it_asks_for_the_lock(pid_t process) {
  const std::string directory = "/proc/" + std::to_string(process);
  siginfo_t ended{};
  while (ended.si_pid == 0) {
    std::error_code gone;  // files come and go while we look
    if (std::filesystem::equivalent(directory + "/exe", test::sidelock_program(), gone)) {
      for (const auto& file : std::filesystem::directory_iterator{directory + "/fd", gone}) {
        if (std::filesystem::read_symlink(file, gone) == "/run/xtables.lock") return;
      }
    }
    ::waitid(P_PID, static_cast<id_t>(process), &ended, WEXITED | WNOHANG | WNOWAIT);
  }
}

TEST_F(Race, ForTheLockIsWonWhenItIsReleasedInTime) {
  Fd held{::open("/run/xtables.lock", O_RDONLY | O_CREAT | O_CLOEXEC, 0600)};
  ASSERT_EQ(::flock(held.get(), LOCK_EX), 0);
  const pid_t waiting = ::fork();
  if (waiting == 0) {
    // The program itself: a mere fork would share our lock.
    ::execl(test::sidelock_program().c_str(), "sidelock", "init", "--ports", "80", nullptr);
    ::_exit(1);
  }
  wait_until_it_asks_for_the_lock(waiting);
  held.reset();
  int status = 0;
  ::waitpid(waiting, &status, 0);
  EXPECT_EQ(status, 0);
  EXPECT_THAT(test::saved_rules(), HasSubstr("SIDELOCK_IN"));
}

// Two that read, verify and undo at once could take each other's rules away, and one of them would still report
// success.
TEST_F(Race, OfTwoInitsIsWonByBoth) {
  for (const std::string backend : {"iptables", "nftables"}) {
    const std::string init = test::sidelock_program() + " init --ports 80,81 --backend " + backend;
    for (int round = 0; round < 10; ++round) {
      test::output_of(test::sidelock_program() + " cleanup");
      test::output_of(init + " & first=$!; " + init + " || exit; wait $first");
      const std::string rules = backend == "iptables" ? test::saved_rules() : test::saved_nftables_rules();
      ASSERT_THAT(rules, ContainsRegex(backend == "iptables" ? "--to-ports 19101" : "redirect to"));
    }
  }
}

TEST_F(Race, WithAnotherInitEndsWhenPatienceDoes) {
  const NamespaceLock other{std::chrono::milliseconds{0}};
  const test::Finished refused = test::run(test::sidelock_program() + " init --ports 80 --lock-wait 50ms");
  EXPECT_EQ(refused.status, 1);
  EXPECT_THAT(refused.output, HasSubstr("--lock-wait"));
  EXPECT_EQ(test::run(test::sidelock_program() + " cleanup --lock-wait 0").status, 1);
}

}  // namespace
}  // namespace sidelock
