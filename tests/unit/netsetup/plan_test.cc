// What the plan promises, beside its text, which the golden files hold.
#include "netsetup/plan.h"

#include <algorithm>
#include <set>

#include <gtest/gtest.h>

#include "base/error.h"
#include "config/capture_contract.h"
#include "support/capture_settings.h"

namespace sidelock {
namespace {

const TablePlan& table_of(const Plan& plan, Family family, Table table) {
  const auto& tables = std::ranges::find(plan.families, family, &FamilyPlan::family)->tables;
  return *std::ranges::find(tables, table, &TablePlan::table);
}

const Chain& chain_of(const TablePlan& table, std::string_view name) {
  return *std::ranges::find(table.chains, name, &Chain::name);
}

TEST(Plan, CommitsTheTableThatCapturesLast) {
  const Plan plan = make_plan(test::capture_port(80));
  for (const FamilyPlan& family : plan.families) {
    ASSERT_EQ(family.tables.size(), 3U);
    EXPECT_EQ(family.tables[0].table, Table::kFilter);
    EXPECT_EQ(family.tables[1].table, Table::kMangle);
    EXPECT_EQ(family.tables[2].table, Table::kNat);
  }
}

TEST(Plan, LetsOnlyInvalidPacketsIntoTheMangleChain) {
  CaptureSettings settings = test::capture_port(80);
  settings.interfaces = {"eth0", "net+"};
  const TablePlan mangle = table_of(make_plan(settings), Family::kIpv4, Table::kMangle);
  ASSERT_EQ(mangle.hooks.size(), 2U);
  for (const Hook& hook : mangle.hooks) EXPECT_TRUE(hook.rule.is_state_invalid);
}

TEST(Plan, PutsEveryRuleOfOursInABuiltInChainInFront) {
  for (const FamilyPlan& family : make_plan(test::capture_port(80)).families) {
    for (const TablePlan& table : family.tables) {
      for (const Hook& hook : table.hooks) EXPECT_TRUE(hook.is_first) << to_text(hook.rule, hook.chain);
    }
  }
}

TEST(Plan, GivesEachPortItsOwnCapturePort) {
  const Plan plan = make_plan(test::capture({{80, 81}, {443, 443}}));
  const Chain& entry = chain_of(table_of(plan, Family::kIpv6, Table::kNat), "SIDELOCK_IN");
  ASSERT_EQ(entry.rules.size(), 3U);
  EXPECT_EQ(entry.rules[2].destination_ports, (PortRange{443, 443}));
  EXPECT_EQ(entry.rules[2].to_port, 19102);
}

TEST(Plan, KeepsSixteenPortsInOneChainAndSpreadsMore) {
  const auto chains = [](std::uint16_t last) {
    return table_of(make_plan(test::capture({{1, last}})), Family::kIpv4, Table::kNat).chains.size();
  };
  EXPECT_EQ(chains(16), 1U);
  EXPECT_EQ(chains(17), 2U);
  EXPECT_EQ(chains(32), 2U);
  EXPECT_EQ(chains(33), 3U);
}

TEST(Plan, CapturesEveryPortOfManyExactlyOnce) {
  const CaptureSettings settings = test::capture({{1, 30}, {100, 1099}, {65000, 65000}});
  const Plan plan = make_plan(settings);
  const TablePlan& nat = table_of(plan, Family::kIpv4, Table::kNat);
  std::set<unsigned> seen;
  for (const Rule& jump : chain_of(nat, "SIDELOCK_IN").rules) {
    const Chain& chain = chain_of(nat, jump.target);
    EXPECT_LE(chain.rules.size(), 32U);
    for (const Rule& rule : chain.rules) {
      EXPECT_GE(rule.destination_ports->first, jump.destination_ports->first);
      EXPECT_LE(rule.destination_ports->last, jump.destination_ports->last);
      EXPECT_EQ(rule.to_port, settings.capture_port_base + seen.size()) << rule.destination_ports->first;
      EXPECT_TRUE(seen.insert(rule.destination_ports->first).second);
    }
  }
  EXPECT_EQ(seen.size(), expand(settings.ports).size());
}

TEST(Plan, NamesAnUnwantedFamilyWithNothingInIt) {
  CaptureSettings settings = test::capture_port(80);
  settings.ip_family = IpFamily::kIpv6;
  const Plan plan = make_plan(settings);
  EXPECT_TRUE(plan.families[0].is_empty());
  EXPECT_FALSE(plan.families[1].is_empty());
}

TEST(Plan, PutsExcludedSourcesOnlyIntoTheirFamily) {
  CaptureSettings settings = test::capture_port(80);
  settings.exclude_sources = {*Cidr::parse("10.0.0.1")};
  const Plan plan = make_plan(settings);
  EXPECT_EQ(chain_of(table_of(plan, Family::kIpv4, Table::kNat), "SIDELOCK_IN").rules.size(), 2U);
  EXPECT_EQ(chain_of(table_of(plan, Family::kIpv6, Table::kNat), "SIDELOCK_IN").rules.size(), 1U);
}

TEST(Plan, TakesTheWildcardForAllInterfacesButLo) {
  CaptureSettings settings = test::capture_port(80);
  settings.interfaces = {"+"};
  EXPECT_EQ(to_text(make_plan(settings)).find("-i +"), std::string::npos);
  EXPECT_NE(to_text(make_plan(settings)).find("! -i lo"), std::string::npos);
}

// ---- nftables

Plan nftables_plan(const CaptureSettings& settings) { return make_plan(settings, BackendKind::kNftables); }

TEST(NftablesPlan, HasBothFamiliesInOneTable) {
  const Plan plan = nftables_plan(test::capture_port(80));
  ASSERT_EQ(plan.families.size(), 1U);
  EXPECT_EQ(plan.families[0].family, Family::kInet);
  EXPECT_FALSE(table_of(plan, Family::kInet, Table::kNat).hooks[0].rule.family);
}

TEST(NftablesPlan, OfOneFamilyAsksForItInEveryHook) {
  CaptureSettings settings = test::capture_port(80);
  settings.ip_family = IpFamily::kIpv6;
  const Plan plan = nftables_plan(settings);
  for (const TablePlan& table : plan.families[0].tables) {
    EXPECT_FALSE(table.is_empty());
    for (const Hook& hook : table.hooks) EXPECT_EQ(hook.rule.family, Family::kIpv6);
  }
}

TEST(NftablesPlan, SaysManyPortsInOneRule) {
  const auto rules = [](std::uint16_t last) {
    const Plan plan = nftables_plan(test::capture({{1, last}, {5000, 5001}}));
    return chain_of(table_of(plan, Family::kInet, Table::kNat), "nat_in").rules;
  };
  EXPECT_EQ(rules(14).size(), 16U);
  ASSERT_EQ(rules(15).size(), 1U);
  EXPECT_TRUE(rules(15)[0].is_one_port_each);
  EXPECT_EQ(rules(15)[0].destination_port_set, (std::vector<PortRange>{{1, 15}, {5000, 5001}}));
}

TEST(NftablesPlan, ExcludesTheWholeOfAFamilyByItsName) {
  CaptureSettings settings = test::capture_port(80);
  settings.exclude_sources = {*Cidr::parse("0.0.0.0/0")};
  const Plan plan = nftables_plan(settings);
  const Rule& rule = chain_of(table_of(plan, Family::kInet, Table::kNat), "nat_in").rules[0];
  EXPECT_EQ(rule.family, Family::kIpv4);
  EXPECT_FALSE(rule.source);
}

}  // namespace
}  // namespace sidelock
