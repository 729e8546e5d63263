// All that `init` wants to find in the kernel, as a value made from the settings alone, and its text. Pure.
// The same rules in two shapes: for iptables a table of each family with a rule for each port, for nftables tables of
// both families with one rule for many ports. A plan names all tables of its backend always; one with nothing in it
// says "nothing of ours here".
#pragma once

#include <algorithm>
#include <string>
#include <vector>

#include "config/settings.h"
#include "netsetup/rule.h"

namespace sidelock {

// A chain of ours.
struct Chain {
  std::string name;
  std::vector<Rule> rules;
  friend bool operator==(const Chain&, const Chain&) = default;
};

// A rule of ours in a built-in chain: at its very front, in the plan's order, or at its end.
struct Hook {
  std::string chain;
  bool is_first = true;
  Rule rule;
  friend bool operator==(const Hook& one, const Hook& other) {
    return one.chain == other.chain && one.rule == other.rule;
  }
};

// With nftables, what iptables would have in this table: there, all chains are in the one table `inet sidelock`.
struct TablePlan {
  Table table = Table::kNat;
  std::vector<Hook> hooks;    // in the order of the kernel's chains: PREROUTING, then OUTPUT
  std::vector<Chain> chains;  // sorted by name
  std::string oddity;         // only in plans read back: what is wrong with the table as a whole
  [[nodiscard]] bool is_empty() const { return hooks.empty() && chains.empty() && oddity.empty(); }
  friend bool operator==(const TablePlan&, const TablePlan&) = default;
};

struct FamilyPlan {
  Family family = Family::kIpv4;
  std::vector<TablePlan> tables;  // in the order of their commits
  [[nodiscard]] bool is_empty() const { return std::ranges::all_of(tables, &TablePlan::is_empty); }
};

struct Plan {
  BackendKind backend = BackendKind::kIptables;
  std::vector<FamilyPlan> families;
};

// The rules of `settings`. Throws Failure{kUsage} when no port is left for the probe rule.
Plan make_plan(const CaptureSettings& settings, BackendKind backend = BackendKind::kIptables);

// The plan that removes everything of ours.
Plan empty_plan(BackendKind backend = BackendKind::kIptables);

// Of an iptables plan: one section for each family, as `iptables-save` would print a namespace that holds nothing else.
std::string to_text(const Plan& plan);

}  // namespace sidelock
