// See choice.h. No step falls over from one backend to the other because of EPERM: a missing capability is a fault of
// the manifest, and hiding it would leave different nodes with different rules.
#include "netsetup/choice.h"

#include <optional>

#include "base/error.h"
#include "netsetup/capabilities.h"
#include "netsetup/iptables/backend.h"
#include "netsetup/iptables/table.h"
#include "netsetup/nftables/make.h"

namespace sidelock {

namespace {

// Nothing: this kernel has no nf_tables.
std::optional<bool> nftables_in_use() {
  try {
    return nftables::is_in_use();
  } catch (const Failure& failure) {
    if (failure.code() != ExitCode::kNoBackend) throw;
    return std::nullopt;
  }
}

Choice choose() {
  using enum BackendKind;
  if (!nftables::is_built_in()) return {kIptables, "this build has no other"};
  if (missing_network_capabilities() == "NET_RAW") return {kNftables, "NET_RAW is missing, and iptables needs it"};
  const std::optional<bool> is_iptables_used = iptables::is_in_use();
  if (is_iptables_used == true) return {kIptables, "this namespace has tables of iptables", true};
  const std::optional<bool> is_nftables_used = nftables_in_use();
  if (is_nftables_used == true) return {kNftables, "this namespace has tables of nftables and none of iptables", true};
  if (!is_nftables_used) return {kIptables, "this kernel has no nftables"};
  if (!is_iptables_used)
    return {kNftables, "whether iptables is in use cannot be read here, and nftables answers", true};
  return {kIptables, "neither has tables here, and iptables is tried first", true};
}

}  // namespace

Choice choose_backend(BackendChoice wanted) {
  switch (wanted) {
    case BackendChoice::kIptables: return {BackendKind::kIptables, "--backend asks for it"};
    case BackendChoice::kNftables: return {BackendKind::kNftables, "--backend asks for it"};
    case BackendChoice::kAuto: break;
  }
  return choose();
}

std::unique_ptr<Backend> make_backend(BackendKind kind, std::chrono::milliseconds patience) {
  if (kind == BackendKind::kIptables) return std::make_unique<iptables::IptablesBackend>(patience);
  std::unique_ptr<Backend> backend = nftables::make_backend(patience);
  if (!backend) {
    throw Failure{ExitCode::kUsage, "--backend: nftables is left out of this build; allowed: auto, iptables"};
  }
  return backend;
}

}  // namespace sidelock
