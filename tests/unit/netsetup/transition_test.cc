// Between the two ways of capturing there is a plan that captures in both.
#include "netsetup/transition.h"

#include <algorithm>

#include <gtest/gtest.h>

#include "support/capture_settings.h"

namespace sidelock {
namespace {

Plan plan_of(CaptureMode mode, BackendKind backend) {
  CaptureSettings settings = test::capture_port(80);
  settings.mode = mode;
  return make_plan(settings, backend);
}

const TablePlan& table_of(const FamilyPlan& family, Table table) {
  return *std::ranges::find(family.tables, table, &TablePlan::table);
}

bool has_target(const TablePlan& table, std::string_view target) {
  const auto has = [target](const Rule& rule) { return rule.target == target; };
  return std::ranges::any_of(table.hooks, has, &Hook::rule) ||
         std::ranges::any_of(table.chains, [&](const Chain& chain) { return std::ranges::any_of(chain.rules, has); });
}

TEST(Transition, IsNotNeededWithinAModeNorFromOrToNothing) {
  for (const BackendKind backend : {BackendKind::kIptables, BackendKind::kNftables}) {
    for (const CaptureMode mode : {CaptureMode::kRedirect, CaptureMode::kTproxy}) {
      EXPECT_FALSE(transition(plan_of(mode, backend), plan_of(mode, backend)));
      EXPECT_FALSE(transition(empty_plan(backend), plan_of(mode, backend)));
      EXPECT_FALSE(transition(plan_of(mode, backend), empty_plan(backend)));
    }
  }
}

TEST(Transition, BetweenTheModesCapturesInBothAndProvesNeither) {
  for (const BackendKind backend : {BackendKind::kIptables, BackendKind::kNftables}) {
    for (const auto& [from, to] : {std::pair{CaptureMode::kRedirect, CaptureMode::kTproxy},
                                   std::pair{CaptureMode::kTproxy, CaptureMode::kRedirect}}) {
      const auto between = transition(plan_of(from, backend), plan_of(to, backend));
      ASSERT_TRUE(between);
      for (const FamilyPlan& family : between->families) {
        EXPECT_TRUE(has_target(table_of(family, Table::kMangle), kTproxy));
        EXPECT_TRUE(has_target(table_of(family, Table::kNat), kRedirect));
        for (const TablePlan& table : family.tables) {
          for (const Hook& hook : table.hooks) EXPECT_NE(hook.rule.comment, "sidelock:1 probe");
        }
      }
    }
  }
}

}  // namespace
}  // namespace sidelock
