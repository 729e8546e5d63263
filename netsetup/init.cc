// See init.h.
#include "netsetup/init.h"

#include <chrono>
#include <cstdlib>
#include <string_view>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "base/error.h"
#include "base/log.h"
#include "config/capture_contract.h"
#include "netsetup/capabilities.h"
#include "netsetup/iptables/backend.h"
#include "netsetup/plan.h"

namespace sidelock {

namespace {

// In a node's own namespace our rules would capture the traffic of every Pod and of the node itself.
void refuse_node_namespace(const CaptureSettings& settings) {
  if (settings.allow_host_network) return;
  const char* const pod = std::getenv("POD_IP");
  const char* const host = std::getenv("HOST_IP");
  std::string why;
  if (pod != nullptr && host != nullptr && *pod != '\0' && std::string_view{pod} == host) {
    why = fmt::format("POD_IP and HOST_IP are both {}", log::printable(pod));
  } else if (iptables::IptablesBackend::has_node_chains()) {
    why = "it has kube-proxy's KUBE-* chains";
  }
  if (why.empty()) return;
  throw Failure{ExitCode::kUsage,
                fmt::format("this looks like a node's own network namespace ({}): its whole traffic would be captured; run "
                            "init in a Pod without hostNetwork, or say --allow-host-network",
                            why)};
}

std::vector<std::string> faults(const CaptureSettings& settings, const Plan& plan, const std::vector<TableState>& found) {
  // A family that the kernel does not have is no fault under auto; the backend has left it out.
  Plan wanted;
  for (const TablePlan& table : plan.tables) {
    const auto is_read = [&](const TableState& state) { return state.ours.family == table.family; };
    const bool is_left_out = settings.ip_family == IpFamily::kAuto && table.family == Family::kIpv6 &&
                             std::none_of(found.begin(), found.end(), is_read);
    if (!is_left_out) wanted.tables.push_back(table);
  }
  std::vector<std::string> result = differences(wanted, found);
  if (settings.allow_foreign_before) return result;
  for (const TableState& state : found) {
    for (const std::string& foreign : state.foreign_before) result.push_back(foreign + " stands before ours");
  }
  return result;
}

// The plan that brings back what was there.
Plan restoring(const std::vector<TableState>& before) {
  Plan plan = make_empty_plan();
  for (TablePlan& table : plan.tables) {
    for (const TableState& state : before) {
      if (state.ours.family == table.family && state.ours.table == table.table) table = state.ours;
    }
  }
  return plan;
}

std::string describe_families(const std::vector<TableState>& found) {
  std::string families;
  for (const Family family : {Family::kIpv4, Family::kIpv6}) {
    for (const TableState& state : found) {
      if (state.ours.family != family || state.ours.table != Table::kNat || state.ours.is_empty()) continue;
      families += (families.empty() ? "" : " and ") + name(family);
    }
  }
  return families;
}

}  // namespace

void install_capture(const CaptureSettings& settings) {
  const auto begin = std::chrono::steady_clock::now();
  raise_capabilities({kNetAdmin, kNetRaw});
  refuse_node_namespace(settings);
  const Plan plan = make_plan(settings);
  iptables::IptablesBackend backend{settings.ip_family, settings.lock_wait};
  const std::vector<TableState> before = backend.read(plan, settings.ports);
  std::vector<TableState> after;
  try {
    backend.apply(plan);
    after = backend.read(plan, settings.ports);
    const std::vector<std::string> wrong = faults(settings, plan, after);
    if (!wrong.empty()) {
      throw Failure{ExitCode::kVerificationFailed, fmt::format("the rules in the kernel are not the wanted ones: {}", fmt::join(wrong, "; "))};
    }
  } catch (const Failure&) {
    backend.apply(restoring(before));
    throw;
  }
  const auto took = std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - begin).count();
  const std::string families = describe_families(after);
  if (settings.ip_family == IpFamily::kAuto && families == name(Family::kIpv4)) log::info("this kernel has no IPv6: IPv4 only");
  log::info("capture installed and verified: {} port(s), {}, iptables, in {:.1f} ms", expand(settings.ports).size(), families, took);
}

std::string dry_run_text(const CaptureSettings& settings) { return to_text(make_plan(settings)); }

std::vector<std::string> find_faults(const CaptureSettings& settings) {
  raise_capabilities({kNetAdmin, kNetRaw});
  const Plan plan = make_plan(settings);
  iptables::IptablesBackend backend{settings.ip_family, settings.lock_wait};
  return faults(settings, plan, backend.read(plan, settings.ports));
}

void remove_capture(const CaptureSettings& settings) {
  raise_capabilities({kNetAdmin, kNetRaw});
  iptables::IptablesBackend backend{settings.ip_family, settings.lock_wait};
  backend.apply(make_empty_plan());
  log::info("capture rules removed: clients reach the app in plain text again");
}

}  // namespace sidelock
