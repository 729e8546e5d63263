// See init.h.
#include "netsetup/init.h"

#include <algorithm>
#include <cstdlib>
#include <exception>
#include <memory>
#include <optional>
#include <sstream>
#include <vector>

#include "base/error.h"
#include "base/interfaces.h"
#include "base/log.h"
#include "config/capture_contract.h"
#include "netsetup/backend.h"
#include "netsetup/capabilities.h"
#include "netsetup/choice.h"
#include "netsetup/coverage.h"
#include "netsetup/families.h"
#include "netsetup/foreign.h"
#include "netsetup/iptables/glance.h"
#include "netsetup/iptables/table.h"
#include "netsetup/meshes.h"
#include "netsetup/namespace_lock.h"
#include "netsetup/nftables/make.h"
#include "netsetup/nftables/text.h"
#include "netsetup/plan.h"
#include "netsetup/policy_routing.h"
#include "netsetup/transition.h"
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

struct State {
  Plan plan;
  std::vector<LoopbackRouting> routing;
};

void go_to(Backend& backend, const Plan& live, const Plan& wanted) {
  if (const std::optional<Plan> between = transition(live, wanted)) backend.apply(*between);
  backend.apply(wanted);
}

// Puts back what was there before; the failure that led here is the one to report.
void undo(Backend& backend, const Plan& wanted, const State& before) {
  const auto put_back = [](const char* what, const auto& action) {
    try {
      action();
      log::info("the {} are again what they were before", what);
    } catch (const std::exception& error) {
      log::error("the {} could not be put back: {}; `sidelock cleanup` removes them", what, error.what());
    }
  };
  if (!before.routing.empty() || !read_routing().empty()) put_back("routes", [&] { apply_routing(before.routing); });
  put_back("rules", [&] { go_to(backend, wanted, before.plan); });
}

void verify_routing(const std::vector<LoopbackRouting>& wanted) {
  const std::optional<RoutingFault> fault = routing_fault(wanted);
  if (!fault) return;
  throw Failure{ExitCode::kVerificationFailed,
                "the routing for --preserve-source is not what was just made; another program changes the routing of "
                "this namespace at the same time: " +
                    fault->what};
}

Foreign foreign_of_all(Backend& backend, const CaptureSettings& settings) {
  return joined(backend.foreign(backend.kind()), foreign_in_the_other(backend.kind(), settings.lock_wait));
}

void verify(Backend& backend, const Plan& wanted, const CaptureSettings& settings) {
  const std::string wrong = difference(wanted, backend.read());
  if (!wrong.empty()) {
    throw Failure{ExitCode::kVerificationFailed,
                  wrong + "; another program changes the rules of this namespace at the same time"};
  }
  if (settings.allow_foreign_before) return;
  const std::string foreign = obstacle(foreign_of_all(backend, settings), settings);
  if (!foreign.empty()) {
    throw Failure{ExitCode::kVerificationFailed, foreign + "; if that is meant: --allow-foreign-before"};
  }
}

// Even where init then refuses what comes before ours.
void warn_of_meshes(Backend& backend, const CaptureSettings& settings) {
  const std::optional<MeshHere> mesh = mesh_here(foreign_of_all(backend, settings), settings);
  if (mesh) log::warning("{}; {}", to_text(*mesh), mesh->remedy);
}

// A network plug-in may bring interfaces later, so it is no failure.
void warn_of_interfaces(const CaptureSettings& settings) {
  const std::string fault = fault_of(coverage(settings, interfaces()));
  if (!fault.empty()) log::warning("{}; an interface that comes later is captured if these settings name it", fault);
}

const char* families_text(IpFamily family) {
  if (family == IpFamily::kIpv4) return "IPv4";
  return family == IpFamily::kIpv6 ? "IPv6" : "IPv4 and IPv6";
}

std::string ports_text(const CaptureSettings& settings) {
  if (settings.is_any_port) return "any port";
  const std::size_t ports = expand(settings.ports).size();
  return fmt::format("{} port{}", ports, ports == 1 ? "" : "s");
}

std::string capture_ports_text(const CaptureSettings& settings) {
  const std::size_t last = settings.capture_port_base + count_capture_ports(settings) - 1;
  return fmt::format("{}-{}", settings.capture_port_base, last);
}

// NET_ADMIN alone can fill nftables but not empty iptables, whose old rules of ours would act beside the new ones.
void refuse_what_cannot_be_removed(BackendKind chosen) {
  const bool can_remove = chosen == BackendKind::kIptables || missing_network_capabilities().empty();
  if (can_remove || iptables::holds_ours() != true) return;
  throw Failure{
      ExitCode::kMissingPermission,
      "iptables holds rules of an earlier `sidelock init`, and to remove them takes NET_RAW beside NET_ADMIN; "
      "nothing was changed; give `sidelock init` both, or let `sidelock cleanup` run with both first"};
}

// Takes our rules from the backend that does not hold them any more. That it may not be read is no error: NET_ADMIN
// alone is enough for nftables in a pod whose iptables nobody has filled.
void remove_from_the_other(BackendKind chosen, std::chrono::milliseconds patience) {
  const bool is_iptables = chosen == BackendKind::kNftables;
  const BackendKind other = is_iptables ? BackendKind::kIptables : BackendKind::kNftables;
  if (!is_iptables && !nftables::is_built_in()) return;
  if (is_iptables && iptables::is_in_use() == false) return;
  try {
    if (make_backend(other, patience)->remove()) log::info("the rules that {} held are removed", name_of(other));
  } catch (const Failure& failure) {
    if (failure.code() == ExitCode::kNoBackend) return;
    if (failure.code() != ExitCode::kMissingPermission) {
      throw Failure{failure.code(),
                    fmt::format("the rules of {} are installed and verified, but old ones that {} may hold could not "
                                "be removed: {}",
                                name_of(chosen), name_of(other), failure.what())};
    }
    if (is_iptables && iptables::holds_ours() == false) return;
    log::warning("whether {} holds old rules of ours, which could refuse clients, cannot be seen here: {}",
                 name_of(other), failure.what());
  }
}

void install(const CaptureSettings& settings, BackendKind kind) {
  const std::unique_ptr<Backend> backend = make_backend(kind, settings.lock_wait);
  install_capture(settings, *backend);
}

}  // namespace

void install_capture(const CaptureSettings& given, Backend& backend) {
  refuse_what_cannot_be_removed(backend.kind());
  refuse_node_by_chains(given, foreign_of_all(backend, given));
  const CaptureSettings settings = without_absent_families(given);
  const Plan wanted = make_plan(settings, backend.kind());
  const State before{restorable(backend.read()), read_routing()};
  const std::vector<LoopbackRouting> routing = wanted_routing(settings);
  refuse_impossible_routing(routing);
  try {
    // Replies must find their way before the first connection comes, and until the last one is no longer made.
    if (!routing.empty()) apply_routing(routing);
    go_to(backend, before.plan, wanted);
    warn_of_meshes(backend, settings);
    if (routing.empty()) apply_routing(routing);
    verify(backend, wanted, settings);
    verify_routing(routing);
  } catch (...) {
    undo(backend, wanted, before);
    throw;
  }
  // From here on nothing is undone: that would open the pod.
  remove_from_the_other(backend.kind(), settings.lock_wait);
  // Another init, with the other backend, may have removed ours in the meantime as we removed its.
  verify(backend, wanted, settings);
  log::info("capture by {} installed and verified by {}: {}, {} to {}, probe port {}",
            settings.mode == CaptureMode::kTproxy ? "tproxy" : "redirect", name_of(backend.kind()),
            families_text(settings.ip_family), ports_text(settings), capture_ports_text(settings),
            probe_port(settings));
  warn_of_interfaces(settings);
}

void install_capture(const CaptureSettings& settings) {
  refuse_node_by_address(settings);
  raise_network_capabilities();
  const NamespaceLock lock{settings.lock_wait};
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
  std::string text = kind == BackendKind::kIptables ? to_text(plan) : nftables::to_text(plan);
  // Neither tool takes routes, so they are comments to it.
  for (const LoopbackRouting& routing : wanted_routing(settings)) {
    std::istringstream lines{to_text(routing)};
    for (std::string line; std::getline(lines, line);) text += "# " + line + '\n';
  }
  return text;
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
  const NamespaceLock lock{settings.lock_wait};
  bool found = false;
  bool is_iptables_hidden = false;
  std::exception_ptr failed;
  for (const BackendKind kind : {BackendKind::kNftables, BackendKind::kIptables}) {
    if (kind == BackendKind::kNftables && !nftables::is_built_in()) continue;
    if (kind == BackendKind::kIptables && iptables::is_in_use() == false) continue;
    try {
      found |= make_backend(kind, settings.lock_wait)->remove();
    } catch (const Failure& failure) {
      if (failure.code() == ExitCode::kNoBackend) continue;
      is_iptables_hidden = kind == BackendKind::kIptables && failure.code() == ExitCode::kMissingPermission &&
                           iptables::is_in_use() != true && !failed;
      failed = std::current_exception();
    }
  }
  // With NET_ADMIN alone init has put them into nftables, and iptables need not be readable.
  if (failed && !(is_iptables_hidden && found)) std::rethrow_exception(failed);
  // Last: as long as rules lead here, replies must find their way.
  found |= remove_routing();
  log::info("{}", found ? "capture removed" : "no capture to remove");
}

}  // namespace sidelock
