// See init.h.
#include "netsetup/init.h"

#include <algorithm>
#include <cstdlib>
#include <exception>
#include <optional>

#include "base/error.h"
#include "base/log.h"
#include "config/capture_contract.h"
#include "netsetup/backend.h"
#include "netsetup/capabilities.h"
#include "netsetup/families.h"
#include "netsetup/iptables/backend.h"
#include "netsetup/plan.h"
#include "netsetup/verify.h"

namespace sidelock {

namespace {

constexpr const char* kHostNetworkAdvice =
    "; rules here would capture the node's own connections; if that is meant: --allow-host-network";

std::optional<IpAddress> address_in_environment(const char* name) {
  const char* value = std::getenv(name);  // NOLINT(concurrency-mt-unsafe): the only thread
  return value == nullptr ? std::nullopt : IpAddress::parse(value);
}

void refuse_node_by_address(const CaptureSettings& settings) {
  const std::optional<IpAddress> pod = address_in_environment("POD_IP");
  if (settings.allow_host_network || !pod || pod != address_in_environment("HOST_IP")) return;
  throw Failure{ExitCode::kUsage, "POD_IP and HOST_IP are both " + pod->to_string() + ": this is the node's network" +
                                      kHostNetworkAdvice};
}

void refuse_node_by_chains(const CaptureSettings& settings, const Foreign& foreign) {
  if (settings.allow_host_network) return;
  for (const std::string& chain : foreign.nat_chains) {
    if (!chain.starts_with("KUBE-")) continue;
    throw Failure{ExitCode::kUsage,
                  "table nat has the chain " + chain + ", as on a Kubernetes node" + kHostNetworkAdvice};
  }
}

// What can be written again: a rule that Rule cannot say was not made by us.
Plan restorable(Plan plan) {
  const auto has_more = [](const Rule& rule) { return rule.has_more; };
  for (FamilyPlan& family : plan.families) {
    for (TablePlan& table : family.tables) {
      std::erase_if(table.hooks, [&](const Hook& hook) { return has_more(hook.rule); });
      for (Chain& chain : table.chains) std::erase_if(chain.rules, has_more);
    }
  }
  return plan;
}

// Puts back what was there before; the failure that led here is the one to report.
void undo(Backend& backend, const Plan& before) {
  try {
    backend.apply(before);
    log::info("the rules are again what they were before");
  } catch (const std::exception& error) {
    log::error("the rules could not be put back: {}; `sidelock cleanup` removes them", error.what());
  }
}

void verify(Backend& backend, const Plan& wanted, const CaptureSettings& settings) {
  const std::string wrong = difference(wanted, backend.read());
  if (!wrong.empty()) {
    throw Failure{ExitCode::kVerificationFailed,
                  wrong + "; another program changes the rules of this namespace at the same time"};
  }
  if (settings.allow_foreign_before) return;
  const std::string foreign = obstacle(backend.foreign(), settings);
  if (!foreign.empty()) {
    throw Failure{ExitCode::kVerificationFailed, foreign + "; if that is meant: --allow-foreign-before"};
  }
}

std::string families_text(const Plan& plan) {
  std::string text;
  for (const FamilyPlan& family : plan.families) {
    if (family.need == Need::kUnwanted) continue;
    text.append(text.empty() ? "" : " and ").append(name_of(family.family));
  }
  return text;
}

}  // namespace

void install_capture(const CaptureSettings& settings, Backend& backend) {
  refuse_node_by_chains(settings, backend.foreign());
  const Plan wanted = without_absent_families(make_plan(settings));
  const Plan before = restorable(without_absent_families(backend.read()));
  try {
    backend.apply(wanted);
    verify(backend, wanted, settings);
  } catch (...) {
    undo(backend, before);
    throw;
  }
  const std::size_t ports = expand(settings.ports).size();
  log::info("capture installed and verified: {}, {} port{} to {}-{}, probe port {}", families_text(wanted), ports,
            ports == 1 ? "" : "s", settings.capture_port_base, settings.capture_port_base + ports - 1,
            probe_port(settings));
}

void install_capture(const CaptureSettings& settings) {
  refuse_node_by_address(settings);
  raise_network_capabilities();
  iptables::IptablesBackend backend{settings.lock_wait};
  install_capture(settings, backend);
}

std::string dry_run_text(const CaptureSettings& settings) { return to_text(make_plan(settings)); }

void remove_capture(const CaptureSettings& settings) {
  raise_network_capabilities();
  iptables::IptablesBackend backend{settings.lock_wait};
  log::info("{}", backend.remove() ? "capture removed" : "no capture to remove");
}

}  // namespace sidelock
