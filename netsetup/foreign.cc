// See foreign.h. For reading, the lock of iptables is not needed, and init may hold it already.
#include "netsetup/foreign.h"

#include <memory>

#include "base/error.h"
#include "netsetup/iptables/backend.h"
#include "netsetup/iptables/table.h"
#include "netsetup/nftables/make.h"

namespace sidelock {

Foreign foreign_in_the_other(BackendKind ours, std::chrono::milliseconds patience) {
  try {
    if (ours == BackendKind::kIptables) {
      const std::unique_ptr<Backend> nftables = nftables::make_backend(patience);
      return nftables ? nftables->foreign(ours) : Foreign{};
    }
    if (iptables::is_in_use() == false) return {};
    return iptables::IptablesBackend{iptables::IptablesBackend::ForReading{}}.foreign(ours);
  } catch (const Failure& failure) {
    if (failure.code() != ExitCode::kNoBackend && failure.code() != ExitCode::kMissingPermission) throw;
    return {};
  }
}

Foreign joined(Foreign one, const Foreign& other) {
  one.nat_chains.insert(one.nat_chains.end(), other.nat_chains.begin(), other.nat_chains.end());
  one.rules.insert(one.rules.end(), other.rules.begin(), other.rules.end());
  one.redirections.insert(one.redirections.end(), other.redirections.begin(), other.redirections.end());
  return one;
}

}  // namespace sidelock
