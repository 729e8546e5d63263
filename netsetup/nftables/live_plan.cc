// See live_plan.h.
#include "netsetup/nftables/live_plan.h"

#include <algorithm>
#include <string>
#include <string_view>

namespace sidelock::nftables {

namespace {

const BaseChain* base_chain(std::string_view name) {
  const auto* const found = std::ranges::find(kBaseChains, name, &BaseChain::name);
  return found == kBaseChains.end() ? nullptr : found;
}

Table table_of(const std::string& chain) {
  if (chain.starts_with("nat_")) return Table::kNat;
  return chain.starts_with("filter_") || chain == kGuard.name ? Table::kFilter : Table::kMangle;
}

TablePlan& table_in(Plan& plan, Table table) {
  return *std::ranges::find(plan.families.front().tables, table, &TablePlan::table);
}

void add_live_chain(Plan& plan, const LiveChain& chain) {
  TablePlan& table = table_in(plan, table_of(chain.name));
  if (is_guard(chain)) {
    table.oddity = "the guard of an init that did not come to its end drops what comes to captured ports";
  } else if (!is_as_laid_out(chain)) {
    table.oddity = "chain " + chain.name + " with another type, hook, priority or policy";
  } else if (!chain.is_base) {
    table.chains.push_back({chain.name, {}});
  }
}

void add_live_rule(Plan& plan, const LiveRule& live) {
  TablePlan& table = table_in(plan, table_of(live.chain));
  if (const BaseChain* base = base_chain(live.chain)) {
    table.hooks.push_back({std::string{base->builtin}, true, live.decoded.rule});
    return;
  }
  const auto chain = std::ranges::find(table.chains, live.chain, &Chain::name);
  if (chain != table.chains.end()) chain->rules.push_back(live.decoded.rule);
}

void sort(TablePlan& table) {
  std::ranges::sort(table.chains, {}, &Chain::name);
  std::ranges::stable_sort(table.hooks, {}, [&table](const Hook& hook) {
    return std::ranges::find_if(
        kBaseChains, [&](const BaseChain& base) { return base.table == table.table && base.builtin == hook.chain; });
  });
}

}  // namespace

bool is_guard(const LiveChain& chain) { return chain.name == kGuard.name; }

bool is_as_laid_out(const LiveChain& chain) {
  const BaseChain* base = base_chain(chain.name);
  if (base == nullptr) return !chain.is_base;
  return chain.is_base && chain.type == base->type && chain.hook == base->hook_number &&
         chain.priority == base->priority && chain.is_accepting;
}

Plan live_plan() {
  Plan plan = empty_plan(BackendKind::kNftables);
  for (const LiveTable& table : live_tables()) {
    if (is_ours(table) && table.is_dormant) table_in(plan, Table::kNat).oddity = "the table is dormant";
  }
  for (const LiveChain& chain : live_chains()) {
    if (is_ours(chain)) add_live_chain(plan, chain);
  }
  for (const LiveRule& rule : live_rules()) {
    if (is_ours(rule)) add_live_rule(plan, rule);
  }
  for (TablePlan& table : plan.families.front().tables) sort(table);
  return plan;
}

}  // namespace sidelock::nftables
