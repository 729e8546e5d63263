// Settings become a Plan: the rules that must exist. Pure; golden files in tests/golden hold its text.
#pragma once

#include <string>
#include <vector>

#include "netsetup/rule.h"

namespace sidelock {

// One entry for each family and table, in the order in which they are committed: mangle before nat, so that the probe
// rule, last in nat, proves all of them. An empty entry means that nothing of ours may be there.
struct Plan {
  std::vector<TablePlan> tables;
};

// The rules for these settings. A family that the settings leave out has empty entries.
Plan make_plan(const CaptureSettings& settings);

// The plan of cleanup: nothing anywhere.
Plan make_empty_plan();

// The tables that are not empty as text, IPv4 first, each family under a comment line that names it.
std::string to_text(const Plan& plan);

}  // namespace sidelock
