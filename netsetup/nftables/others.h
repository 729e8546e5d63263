// What others have in nf_tables, as it stands to our rules. Main thread only.
#pragma once

#include "netsetup/backend.h"

namespace sidelock::nftables {

// Rules of ours are in the backend `ours`, this one or the other. Throws NetlinkError, with EINTR when somebody changed
// the rules meanwhile.
Foreign others(BackendKind ours);

}  // namespace sidelock::nftables
