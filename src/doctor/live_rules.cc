// See live_rules.h. Opening a table that the namespace does not have would create it, so what is there is looked up
// first; that list is for root, and to others the rules stay unknown.
#include "doctor/live_rules.h"

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <exception>
#include <memory>
#include <utility>

#include <fcntl.h>
#include <unistd.h>

#include "base/fd.h"
#include "netsetup/capabilities.h"
#include "netsetup/foreign.h"
#include "netsetup/iptables/backend.h"
#include "netsetup/iptables/table.h"
#include "netsetup/nftables/make.h"

namespace sidelock {

namespace {

LiveRules unknown(ExitCode code, std::string why) {
  LiveRules rules;
  rules.why_unknown = std::move(why);
  rules.code = code;
  return rules;
}

bool holds_ours(const LiveRules& rules) {
  return rules.is_known && !std::ranges::all_of(rules.ours.families, &FamilyPlan::is_empty);
}

LiveRules read(Backend& backend) {
  try {
    LiveRules rules;
    rules.ours = backend.read();
    rules.foreign = backend.foreign(backend.kind());
    rules.is_known = true;
    return rules;
  } catch (const Failure& failure) {
    return unknown(failure.code(), failure.what());
  }
}

LiveRules read_iptables() {
  const std::string missing = missing_network_capabilities();
  if (!missing.empty()) return unknown(ExitCode::kMissingPermission, "reading rules takes " + missing);
  const Fd names{::open("/proc/net/ip_tables_names", O_RDONLY | O_CLOEXEC)};
  if (!names && errno == EACCES) {
    return unknown(ExitCode::kMissingPermission,
                   "only root may see which tables there are (/proc/net/ip_tables_names)");
  }
  if (!names) return unknown(ExitCode::kNoBackend, "this kernel has no legacy iptables (no /proc/net/ip_tables_names)");
  iptables::IptablesBackend backend{iptables::IptablesBackend::ForReading{}};
  return read(backend);
}

LiveRules read_nftables() {
  const std::unique_ptr<Backend> backend = nftables::make_backend(std::chrono::milliseconds{0});
  return backend ? read(*backend) : unknown(ExitCode::kNoBackend, "this build has no nftables");
}

LiveRules with_the_other(LiveRules rules) {
  if (!rules.is_known) return rules;
  const bool may_look = rules.ours.backend == BackendKind::kIptables || iptables::is_in_use() == true;
  try {
    if (may_look)
      rules.foreign = joined(rules.foreign, foreign_in_the_other(rules.ours.backend, std::chrono::milliseconds{0}));
    return rules;
  } catch (const Failure& failure) {
    return unknown(failure.code(), failure.what());
  }
}

}  // namespace

LiveRules read_live_rules() {
  raise_network_capabilities();
  LiveRules nftables = read_nftables();
  LiveRules iptables = read_iptables();
  if (holds_ours(nftables)) {
    nftables.are_in_both = holds_ours(iptables);
    return with_the_other(std::move(nftables));
  }
  // That none are in nftables says nothing while iptables may not be looked at.
  const bool is_only_nftables = iptables.code == ExitCode::kNoBackend && nftables.is_known;
  return with_the_other(is_only_nftables ? std::move(nftables) : std::move(iptables));
}

}  // namespace sidelock
