// Settings that contradict what this machine has: addresses and descriptors. See checks.h.
#include <algorithm>

#include <fmt/format.h>
#include <linux/capability.h>
#include <sys/resource.h>

#include "base/cgroup.h"
#include "base/privileges.h"
#include "config/capture_contract.h"
#include "doctor/checks.h"
#include "policy/limits.h"

namespace sidelock {

namespace {

constexpr std::size_t kFewConnections = 1000;

std::string summary(const Patient& patient) {
  const Settings& settings = patient.settings;
  if (!patient.is_captured()) return fmt::format("no capture, {} listener(s)", settings.listeners.size());
  const std::string ports =
      settings.capture.is_any_port ? "any port" : fmt::format("{} port(s)", settings.captured_ports.size());
  return fmt::format("{} to {}-{}, probe port {}", ports, settings.capture.capture_port_base,
                     settings.capture.capture_port_base + count_capture_ports(settings.capture) - 1,
                     probe_port(settings.capture));
}

Check check_settings(const Patient& patient) {
  for (const CapturedPort& captured : patient.settings.captured_ports) {
    const PortPolicy& policy = captured.policy;
    if (policy.upstream != UpstreamMode::kAddress) continue;
    const auto is_it = [&](const InterfaceAddress& own) { return own.address == policy.upstream_address; };
    if (std::ranges::any_of(patient.addresses, is_it)) continue;
    return failed("settings", ExitCode::kUsage,
                  fmt::format("--upstream {}: not an address of this pod", policy.upstream_address.to_string()),
                  "--upstream original, loopback or one of the pod's own addresses");
  }
  if (patient.setting_warnings.empty()) return ok("settings", summary(patient));
  std::string all;
  for (const std::string& one : patient.setting_warnings) all += (all.empty() ? "" : "; ") + one;
  return warning("settings", all, "correct the name, or take the variable away; `sidelock --help` lists the settings");
}

Check check_descriptors(const Settings& settings) {
  rlimit files{};
  ::getrlimit(RLIMIT_NOFILE, &files);
  try {
    // run raises its own limit to the hard one.
    const ProcessLimits limits =
        resolve_limits(settings, {cpu_quota().value_or(1), files.rlim_max, memory_limit().value_or(0)});
    const std::string detail = fmt::format("at most {} files, so {} connections with {} worker(s)", files.rlim_max,
                                           limits.connections, limits.workers);
    const bool is_chosen = settings.limits.max_connections.has_value();
    if (is_chosen || limits.connections >= kFewConnections) return ok("descriptors", detail);
    return warning("descriptors", detail,
                   "raise the limits of open files (ulimit -n) and of memory, or say that few "
                   "are meant: --max-connections " +
                       std::to_string(limits.connections));
  } catch (const Failure& failure) {
    return failed("descriptors", failure.code(), failure.what(), "raise the limit of open files (ulimit -n)");
  }
}

// The setting for which `run` needs NET_RAW; empty: for none.
std::string_view setting_with_net_raw(const CaptureSettings& capture) {
  if (capture.mode == CaptureMode::kTproxy) return "--capture tproxy";
  return capture.is_source_preserved ? "--preserve-source" : "";
}

// Only this process is known: that of `run` may be in another container.
Check check_net_raw(std::string_view setting) {
  if (raise_capability(CAP_NET_RAW))
    return ok("net-raw", fmt::format("{} needs it in the container of `run`; this one has it", setting));
  return warning(
      "net-raw",
      fmt::format("{} needs it, and this process has it not: `run` would not start in this container", setting),
      "capabilities: {drop: [ALL], add: [NET_RAW]} for the container of `run`; nothing, if this is another");
}

}  // namespace

Checks check_process(const Patient& patient) {
  Checks checks{check_settings(patient), check_descriptors(patient.settings)};
  const std::string_view setting = setting_with_net_raw(patient.settings.capture);
  if (!setting.empty()) checks.push_back(check_net_raw(setting));
  return checks;
}

}  // namespace sidelock
