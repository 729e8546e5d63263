// init killed at any moment: each table is the old one or the new one, and the next init makes everything right.
#include <chrono>

#include <gtest/gtest.h>

#include "netsetup/init.h"
#include "netsetup/iptables/backend.h"
#include "support/capture_settings.h"
#include "support/killing.h"
#include "support/namespace.h"
#include "support/shell.h"

namespace sidelock {
namespace {

class Interrupted : public test::NamespaceTest {};

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
  install_capture(after);
  test::Killing killing{20240611, test::time_of_install(before)};
  const std::string wanted = test::saved_rules();
  for (int i = 0; i < 150; ++i) {
    killing.install(after);
    expect_old_or_new_tables(before, after);
    install_capture(before);
    ASSERT_EQ(test::saved_rules(), wanted) << "iteration " << i;
  }
  EXPECT_GT(killing.killed(), 20);
}

}  // namespace
}  // namespace sidelock
