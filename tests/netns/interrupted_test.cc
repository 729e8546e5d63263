// init killed at any moment: each table is the old one or the new one, and the next init makes everything right.
#include <chrono>
#include <csignal>
#include <random>
#include <thread>

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include "netsetup/init.h"
#include "netsetup/iptables/backend.h"
#include "support/capture_settings.h"
#include "support/namespace.h"
#include "support/shell.h"

namespace sidelock {
namespace {

using std::chrono::microseconds;
using std::chrono::steady_clock;

class Interrupted : public test::NamespaceTest {};

microseconds time_of_install(const CaptureSettings& settings) {
  const auto start = steady_clock::now();
  install_capture(settings);
  return std::chrono::duration_cast<microseconds>(steady_clock::now() - start);
}

// Returns whether the child was killed before it ended by itself.
bool install_and_kill(const CaptureSettings& settings, microseconds after) {
  const pid_t child = ::fork();
  if (child == 0) {
    install_capture(settings);
    ::_exit(0);
  }
  std::this_thread::sleep_for(after);
  ::kill(child, SIGKILL);
  int status = 0;
  ::waitpid(child, &status, 0);
  return WIFSIGNALED(status);
}

void expect_old_or_new_tables(const CaptureSettings& before, const CaptureSettings& after) {
  const Plan old_plan = make_plan(before);
  const Plan new_plan = make_plan(after);
  iptables::IptablesBackend backend{std::chrono::seconds{1}};
  const Plan live = backend.read();
  for (std::size_t family = 0; family < live.families.size(); ++family) {
    for (std::size_t table = 0; table < 3; ++table) {
      const TablePlan& found = live.families[family].tables[table];
      EXPECT_TRUE(found == old_plan.families[family].tables[table] || found == new_plan.families[family].tables[table]);
    }
  }
}

TEST_F(Interrupted, ByKillAtAnyPointTheNextInitIsExactlyRight) {
  const CaptureSettings before = test::capture({{80, 80}, {3000, 3099}});
  const CaptureSettings after = test::capture({{443, 443}, {5000, 5199}});
  test::output_of("iptables-legacy -t nat -A OUTPUT -p tcp --dport 81 -j ACCEPT");
  time_of_install(after);
  const microseconds whole = time_of_install(before);
  const std::string wanted = test::saved_rules();
  std::mt19937 random{20240611};
  std::uniform_int_distribution<microseconds::rep> moment{0, whole.count() * 2};
  int killed = 0;
  for (int i = 0; i < 150; ++i) {
    killed += install_and_kill(after, microseconds{moment(random)}) ? 1 : 0;
    expect_old_or_new_tables(before, after);
    install_capture(before);
    ASSERT_EQ(test::saved_rules(), wanted) << "iteration " << i;
  }
  EXPECT_GT(killed, 20);
}

}  // namespace
}  // namespace sidelock
