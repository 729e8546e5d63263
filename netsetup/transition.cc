// See transition.h. Each table is replaced in one moment, but two of them are not: a connection that passes mangle
// before the moment and nat after it would meet neither way of capturing. So the old way goes in a step of its own.
#include "netsetup/transition.h"

#include <algorithm>

namespace sidelock {

namespace {

bool captures_by(const TablePlan& table, std::string_view target) {
  return std::ranges::any_of(table.chains, [target](const Chain& chain) {
    return std::ranges::any_of(chain.rules, [target](const Rule& rule) { return rule.target == target; });
  });
}

// The probe proves one whole set of rules, which this is not.
TablePlan without_probe(TablePlan table) {
  std::erase_if(table.hooks,
                [](const Hook& hook) { return hook.rule.target == kRedirect || hook.rule.target == kTproxy; });
  return table;
}

const TablePlan* table_in(const FamilyPlan& family, Table table) {
  const auto found = std::ranges::find(family.tables, table, &TablePlan::table);
  return found == family.tables.end() ? nullptr : &*found;
}

// Where one of two versions of a table captures, that one.
bool take_capturing(TablePlan& into, const TablePlan* live, std::string_view target) {
  const bool is_new = !captures_by(into, target);
  if (is_new && live != nullptr && captures_by(*live, target)) into = *live;
  into = without_probe(std::move(into));
  return captures_by(into, target);
}

}  // namespace

std::optional<Plan> transition(const Plan& live, const Plan& wanted) {
  Plan between = wanted;
  bool is_needed = false;
  for (FamilyPlan& family : between.families) {
    const auto before = std::ranges::find(live.families, family.family, &FamilyPlan::family);
    if (before == live.families.end()) continue;
    bool by_tproxy = false;
    bool by_redirect = false;
    for (TablePlan& table : family.tables) {
      if (table.table == Table::kMangle) by_tproxy = take_capturing(table, table_in(*before, table.table), kTproxy);
      if (table.table == Table::kNat) by_redirect = take_capturing(table, table_in(*before, table.table), kRedirect);
    }
    is_needed |= by_tproxy && by_redirect;
  }
  if (!is_needed) return std::nullopt;
  return between;
}

}  // namespace sidelock
