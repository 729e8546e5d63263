// The rules in the kernel against those of the settings, and who else has rules here. See checks.h.
#include <algorithm>
#include <optional>
#include <utility>

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <unistd.h>

#include "doctor/checks.h"
#include "netsetup/capabilities.h"
#include "netsetup/coverage.h"
#include "netsetup/families.h"
#include "netsetup/meshes.h"
#include "netsetup/verify.h"

namespace sidelock {

namespace {

constexpr const char* kNeedsRules = "the rules are not known";

bool holds_nothing(const Plan& plan) { return std::ranges::all_of(plan.families, &FamilyPlan::is_empty); }

// The container of `run` has no capability on purpose: there this is no fault of the pod while the self-test succeeds.
Check check_privileges(const Patient& patient, bool is_proven) {
  const std::string who = fmt::format("uid {}", ::geteuid());
  if (patient.rules.code != ExitCode::kMissingPermission) return ok("privileges", who + " may read the rules");
  std::string why = fmt::format("{}: {}", who, patient.rules.why_unknown);
  std::string remedy =
      "run doctor as root with the capabilities NET_ADMIN and NET_RAW, as `kubectl debug --profile=netadmin` "
      "gives them";
  return is_proven ? skipped("privileges", std::move(why), std::move(remedy))
                   : warning("privileges", std::move(why), std::move(remedy));
}

Check check_backend(const LiveRules& rules) {
  if (rules.are_in_both) {
    return failed("backend", ExitCode::kVerificationFailed,
                  "rules of ours are in nftables and in iptables: whichever came last decides",
                  "run `sidelock init` again: it leaves them in one of the two");
  }
  if (rules.is_known) {
    return ok("backend", rules.ours.backend == BackendKind::kIptables ? "iptables (legacy x_tables)" : "nftables");
  }
  if (rules.code == ExitCode::kMissingPermission) return skipped("backend", kNeedsRules);
  return failed("backend", rules.code, rules.why_unknown, "load the kernel module ip_tables on the node");
}

// Connections that were redirected, and segments that were dropped, since the rules were made; TPROXY sees every packet
// of a connection.
std::string counters_text(const Plan& plan, bool is_tproxy) {
  std::uint64_t captured = 0;
  std::uint64_t diverted = 0;
  std::uint64_t dropped = 0;
  for (const FamilyPlan& family : plan.families) {
    for (const TablePlan& table : family.tables) {
      for (const Chain& chain : table.chains) {
        for (const Rule& rule : chain.rules) {
          if (rule.target == kRedirect) captured += rule.counters.packets;
          if (rule.target == kTproxy) diverted += rule.counters.packets;
          if (rule.target == kDrop) dropped += rule.counters.packets;
        }
      }
    }
  }
  if (is_tproxy) return fmt::format("{} packet(s) captured", diverted);
  return fmt::format("{} connection(s) captured, {} invalid segment(s) dropped", captured, dropped);
}

Check check_rules(const Patient& patient, bool is_proven) {
  const LiveRules& live = patient.rules;
  if (!live.is_known) {
    if (is_proven) return skipped("rules", live.why_unknown + "; the self-test proves those that count");
    return failed("rules", live.code, live.why_unknown,
                  "give doctor what it needs, or start `sidelock run`: the "
                  "self-test then tells whether rules work");
  }
  if (holds_nothing(live.ours)) {
    return failed("rules", ExitCode::kVerificationFailed, "there are none: every client reaches the app in plain text",
                  "run `sidelock init` in this pod");
  }
  const Plan wanted = make_plan(without_absent_families(patient.settings.capture), live.ours.backend);
  const std::string wrong = difference(wanted, live.ours);
  if (!wrong.empty()) {
    return failed("rules", ExitCode::kVerificationFailed, wrong,
                  "run `sidelock init` again, with the settings of `sidelock run`: it replaces what is there");
  }
  return ok("rules", "complete and in order; " +
                         counters_text(live.ours, patient.settings.capture.mode == CaptureMode::kTproxy));
}

Check check_foreign(const Patient& patient) {
  if (!patient.rules.is_known) return skipped("foreign", kNeedsRules);
  const std::string wrong = obstacle(patient.rules.foreign, patient.settings.capture);
  const std::string beside = side_door(patient.rules.foreign, patient.settings.capture);
  if (wrong.empty() && !beside.empty())
    return warning("foreign", beside, "remove that rule, or add the ports that it matches to --ports");
  if (wrong.empty()) return ok("foreign", "no rule of others comes before ours");
  if (patient.settings.capture.allow_foreign_before)
    return warning("foreign", wrong, "remove that rule; --allow-foreign-before lets it be");
  return failed("foreign", ExitCode::kVerificationFailed, wrong,
                "remove that rule, or run `sidelock init` again: it puts its rules in front");
}

Check check_meshes(const Patient& patient) {
  const LiveRules& rules = patient.rules;
  const CaptureSettings& settings = patient.settings.capture;
  if (!rules.is_known) return skipped("meshes", kNeedsRules);
  if (const std::optional<MeshHere> mesh = mesh_here(rules.foreign, settings))
    return warning("meshes", to_text(*mesh), std::string{mesh->remedy});
  const auto& chains = rules.foreign.nat_chains;
  const auto of_node =
      std::ranges::find_if(chains, [](const std::string& chain) { return chain.starts_with("KUBE-"); });
  if (of_node != chains.end()) {
    return warning("meshes", "this is a node's network (chain " + *of_node + "): rules here are for all of its pods",
                   "`sidelock cleanup`, and give the pod a network of its own (no hostNetwork)");
  }
  return ok("meshes", "no rules of Istio, Linkerd or Kuma");
}

Check check_interfaces(const Patient& patient) {
  const Coverage found = coverage(patient.settings.capture, patient.interfaces);
  const std::string fault = fault_of(found);
  const char* const remedy =
      "--interfaces and --exclude-interfaces with names of this pod (`ip link`), then `sidelock init`";
  if (is_wide_open(found)) return failed("interfaces", ExitCode::kVerificationFailed, fault, remedy);
  if (!fault.empty()) return warning("interfaces", fault, remedy);
  if (found.captured.empty()) return ok("interfaces", "none but lo is up");
  const char* const others = found.open.empty() ? "" : "; not captured: ";
  return ok("interfaces",
            fmt::format("captured: {}{}{}", fmt::join(found.captured, ", "), others, fmt::join(found.open, ", ")));
}

// An address that clients outside can dial.
const InterfaceAddress* address_of(const Patient& patient, Family family) {
  const auto found = std::ranges::find_if(patient.addresses, [family](const InterfaceAddress& own) {
    return own.address.family() == address_family(family) && !own.address.is_loopback() && !own.address.is_link_local();
  });
  return found == patient.addresses.end() ? nullptr : &*found;
}

Check check_families(const Patient& patient) {
  const IpFamily wanted = patient.settings.capture.ip_family;
  std::string covered;
  for (const Family family : {Family::kIpv4, Family::kIpv6}) {
    const std::string name{name_of(family)};
    const bool is_unwanted = wanted == (family == Family::kIpv4 ? IpFamily::kIpv6 : IpFamily::kIpv4);
    const bool is_required = !is_unwanted && (wanted != IpFamily::kAuto || family == Family::kIpv4);
    if (is_required && !kernel_has(family)) {
      return failed("families", ExitCode::kNoBackend, "this kernel has no " + name + ", and --ip-family asks for it",
                    "--ip-family auto leaves out what is not there");
    }
    const InterfaceAddress* const open = address_of(patient, family);
    if (is_unwanted && open != nullptr) {
      return warning("families",
                     fmt::format("{} is not captured, and {} has {}: clients that dial it reach the app in plain text",
                                 name, open->interface, open->address.to_string()),
                     "--ip-family auto");
    }
    if (!is_unwanted && kernel_has(family)) covered += (covered.empty() ? "" : " and ") + name;
  }
  return ok("families", covered);
}

Checks check_nothing_is_captured(const Patient& patient) {
  const LiveRules& live = patient.rules;
  if (!live.is_known) return {skipped("rules", live.why_unknown)};
  if (holds_nothing(live.ours)) return {ok("rules", "none, as --capture none wants it")};
  return {warning("rules", "rules of an earlier `sidelock init` are still there", "`sidelock cleanup`")};
}

}  // namespace

Checks check_capture(const Patient& patient, bool is_proven) {
  if (!patient.is_captured()) return check_nothing_is_captured(patient);
  return {check_privileges(patient, is_proven),
          check_backend(patient.rules),
          check_rules(patient, is_proven),
          check_foreign(patient),
          check_meshes(patient),
          check_interfaces(patient),
          check_families(patient)};
}

}  // namespace sidelock
