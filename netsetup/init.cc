// See init.h.
#include "netsetup/init.h"

#include <algorithm>
#include <cstdlib>
#include <exception>
#include <memory>
#include <optional>

#include "base/error.h"
#include "base/log.h"
#include "config/capture_contract.h"
#include "netsetup/backend.h"
#include "netsetup/capabilities.h"
#include "netsetup/choice.h"
#include "netsetup/families.h"
#include "netsetup/iptables/table.h"
#include "netsetup/nftables/make.h"
#include "netsetup/nftables/text.h"
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

const char* families_text(IpFamily family) {
  if (family == IpFamily::kIpv4) return "IPv4";
  return family == IpFamily::kIpv6 ? "IPv6" : "IPv4 and IPv6";
}

// Takes our rules from the backend that does not hold them any more.
void remove_from_the_other(BackendKind chosen, std::chrono::milliseconds patience) {
  const bool is_iptables = chosen == BackendKind::kNftables;
  const BackendKind other = is_iptables ? BackendKind::kIptables : BackendKind::kNftables;
  if (!is_iptables && !nftables::is_built_in()) return;
  if (is_iptables && iptables::is_in_use() == false) return;
  try {
    if (make_backend(other, patience)->remove()) log::info("the rules that {} held are removed", name_of(other));
  } catch (const Failure& failure) {
    if (failure.code() == ExitCode::kNoBackend) return;
    // Ours come first whichever backend holds them, so old ones that stay behind do no harm.
    if (failure.code() != ExitCode::kMissingPermission) throw;
    log::info("whether {} holds rules of ours cannot be seen here: {}", name_of(other), failure.what());
  }
}

void install(const CaptureSettings& settings, BackendKind kind) {
  const std::unique_ptr<Backend> backend = make_backend(kind, settings.lock_wait);
  install_capture(settings, *backend);
}

}  // namespace

void install_capture(const CaptureSettings& given, Backend& backend) {
  refuse_node_by_chains(given, backend.foreign());
  const CaptureSettings settings = without_absent_families(given);
  const Plan wanted = make_plan(settings, backend.kind());
  const Plan before = restorable(backend.read());
  try {
    backend.apply(wanted);
    verify(backend, wanted, settings);
    remove_from_the_other(backend.kind(), settings.lock_wait);
  } catch (...) {
    undo(backend, before);
    throw;
  }
  const std::size_t ports = expand(settings.ports).size();
  log::info("capture installed and verified by {}: {}, {} port{} to {}-{}, probe port {}", name_of(backend.kind()),
            families_text(settings.ip_family), ports, ports == 1 ? "" : "s", settings.capture_port_base,
            settings.capture_port_base + ports - 1, probe_port(settings));
}

void install_capture(const CaptureSettings& settings) {
  refuse_node_by_address(settings);
  raise_network_capabilities();
  const Choice choice = choose_backend(settings.backend);
  log::info("backend {}: {}", name_of(choice.kind), choice.reason);
  try {
    install(settings, choice.kind);
  } catch (const Failure& failure) {
    if (failure.code() != ExitCode::kNoBackend || !choice.may_try_the_other) throw;
    const BackendKind other = choice.kind == BackendKind::kIptables ? BackendKind::kNftables : BackendKind::kIptables;
    log::info("backend {}: {} does not work here: {}", name_of(other), name_of(choice.kind), failure.what());
    install(settings, other);
  }
}

std::string backend_names() { return nftables::is_built_in() ? "iptables, nftables" : "iptables"; }

std::string dry_run_text(const CaptureSettings& settings, BackendKind kind) {
  const Plan plan = make_plan(settings, kind);
  return kind == BackendKind::kIptables ? to_text(plan) : nftables::to_text(plan);
}

std::string dry_run_text(const CaptureSettings& settings) {
  raise_network_capabilities();
  BackendKind kind = BackendKind::kIptables;
  try {
    kind = choose_backend(settings.backend).kind;
  } catch (const Failure& failure) {
    // Whoever may not look may still see the rules.
    if (failure.code() != ExitCode::kMissingPermission) throw;
  }
  return dry_run_text(settings, kind);
}

void remove_capture(const CaptureSettings& settings) {
  raise_network_capabilities();
  bool found = false;
  std::exception_ptr failed;
  for (const BackendKind kind : {BackendKind::kNftables, BackendKind::kIptables}) {
    if (kind == BackendKind::kNftables && !nftables::is_built_in()) continue;
    if (kind == BackendKind::kIptables && iptables::is_in_use() == false) continue;
    try {
      found |= make_backend(kind, settings.lock_wait)->remove();
    } catch (const Failure& failure) {
      if (failure.code() != ExitCode::kNoBackend) failed = std::current_exception();
    }
  }
  // Rules are in one of the two: when they were found, the other one need not be readable.
  if (failed && !found) std::rethrow_exception(failed);
  log::info("{}", found ? "capture removed" : "no capture to remove");
}

}  // namespace sidelock
