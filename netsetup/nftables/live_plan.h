// What nf_tables holds of ours, in the form of make_plan(). Main thread only.
#pragma once

#include "netsetup/nftables/layout.h"
#include "netsetup/nftables/ruleset.h"
#include "netsetup/plan.h"

namespace sidelock::nftables {

// Throws NetlinkError, with EINTR when somebody changed the rules meanwhile.
Plan live_plan();

// Of chains in our table: whether one is what layout.h says. A base chain of ours is just that, and no other is one.
bool is_as_laid_out(const LiveChain& chain);
bool is_guard(const LiveChain& chain);

}  // namespace sidelock::nftables
