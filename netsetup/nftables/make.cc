// See make.h.
#include "netsetup/nftables/make.h"

#include "netsetup/nftables/backend.h"
#include "netsetup/nftables/netlink.h"
#include "netsetup/nftables/ruleset.h"

namespace sidelock::nftables {

std::unique_ptr<Backend> make_backend(std::chrono::milliseconds patience) {
  return std::make_unique<NftablesBackend>(patience);
}

bool is_built_in() { return true; }

bool is_in_use() {
  try {
    return !live_tables().empty();
  } catch (const NetlinkError& error) {
    throw to_failure(error);
  }
}

}  // namespace sidelock::nftables
