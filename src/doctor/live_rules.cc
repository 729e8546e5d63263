// See live_rules.h. Opening a table that the namespace does not have would create it, so what is there is looked up
// first; that list is for root, and to others the rules stay unknown.
#include "doctor/live_rules.h"

#include <cerrno>
#include <exception>

#include <fcntl.h>
#include <unistd.h>

#include "base/fd.h"
#include "netsetup/capabilities.h"
#include "netsetup/iptables/backend.h"

namespace sidelock {

namespace {

LiveRules unknown(ExitCode code, std::string why) {
  LiveRules rules;
  rules.why_unknown = std::move(why);
  rules.code = code;
  return rules;
}

}  // namespace

LiveRules read_live_rules() {
  raise_network_capabilities();
  const std::string missing = missing_network_capabilities();
  if (!missing.empty()) return unknown(ExitCode::kMissingPermission, "reading rules takes " + missing);
  const Fd names{::open("/proc/net/ip_tables_names", O_RDONLY | O_CLOEXEC)};
  if (!names && errno == EACCES) {
    return unknown(ExitCode::kMissingPermission,
                   "only root may see which tables there are (/proc/net/ip_tables_names)");
  }
  if (!names) return unknown(ExitCode::kNoBackend, "this kernel has no legacy iptables (no /proc/net/ip_tables_names)");
  try {
    iptables::IptablesBackend backend{iptables::IptablesBackend::ForReading{}};
    LiveRules rules;
    rules.ours = backend.read();
    rules.foreign = backend.foreign();
    rules.is_known = true;
    return rules;
  } catch (const Failure& failure) {
    return unknown(failure.code(), failure.what());
  }
}

}  // namespace sidelock
