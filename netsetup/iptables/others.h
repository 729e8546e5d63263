// What others have in a table, as it stands to our rules. Main thread only.
#pragma once

#include "netsetup/backend.h"
#include "netsetup/iptables/table.h"

namespace sidelock::iptables {

// Adds the chains and rules of others in this table, of which there may be none, to `foreign`; rules of ours are in the
// backend `ours`. Throws TableError.
void add_foreign(Foreign& foreign, Family family, Table name, BackendKind ours);

}  // namespace sidelock::iptables
