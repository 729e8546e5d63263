// The one seam between a Plan and the kernel: each backend (iptables today) applies a plan and reads back what is there.
#pragma once

#include <chrono>
#include <string>
#include <vector>

#include "netsetup/plan.h"

namespace sidelock {

// What a backend found of one table.
struct TableState {
  TablePlan ours;                            // as decoded
  std::vector<std::string> undecodable;      // places of our own where something stands that no plan says
  std::vector<std::string> foreign_before;   // others' rules that a packet to our ports meets before our jump
};

class Backend {
 public:
  virtual ~Backend() = default;

  // Makes the kernel hold exactly the plan's rules, one transaction for each table, in the plan's order; others' rules
  // stay. Throws Failure (kMissingPermission, kNoBackend, kFailure); then some tables may have been changed already.
  virtual void apply(const Plan& plan) = 0;

  // Reads back every table of the plan's families. `ports` are those that others' rules are looked at for.
  virtual std::vector<TableState> read(const Plan& plan, const std::vector<PortRange>& ports) = 0;
};

// What differs between the plan and what was read, one line each; empty when nothing does. Pure.
std::vector<std::string> differences(const Plan& wanted, const std::vector<TableState>& found);

}  // namespace sidelock
