// All that `init` wants to find in the kernel, as a value made from the settings alone, and its iptables-save text.
// Pure. A plan names both families and both tables always; one with nothing in it says "nothing of ours here".
#pragma once

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

struct TablePlan {
  Table table = Table::kNat;
  std::vector<Hook> hooks;    // in the order of the kernel's chains: PREROUTING, then OUTPUT
  std::vector<Chain> chains;  // sorted by name
  [[nodiscard]] bool is_empty() const { return hooks.empty() && chains.empty(); }
  friend bool operator==(const TablePlan&, const TablePlan&) = default;
};

// What the settings say of a family that the kernel does not have.
enum class Need { kRequired, kIfPresent, kUnwanted };

struct FamilyPlan {
  Family family = Family::kIpv4;
  Need need = Need::kRequired;
  std::vector<TablePlan> tables;  // in the order of their commits
};

struct Plan {
  std::vector<FamilyPlan> families;
};

// The rules of `settings`. Throws Failure{kUsage} when no port is left for the probe rule.
Plan make_plan(const CaptureSettings& settings);

// The plan that removes everything of ours.
Plan empty_plan();

// One section for each family, as `iptables-save` would print a namespace that holds nothing else.
std::string to_text(const Plan& plan);

}  // namespace sidelock
