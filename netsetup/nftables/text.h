// Rules and plans as `nft list` prints them. Pure; needs no library, so that a build without the backend has it too.
#pragma once

#include <string>

#include "netsetup/plan.h"

namespace sidelock::nftables {

// One rule without its chain, as in "tcp dport 80 counter packets 0 bytes 0 drop"; what a rule with has_more says
// beyond this value appears as "...". Counters are written as zero.
std::string to_text(const Rule& rule);

// What the rule matches, as in "tcp dport 80 "; empty, or it ends with a space.
std::string match_text(const Rule& rule);

// The table as `nft -f` takes it and `nft list table inet sidelock` prints it.
std::string to_text(const Plan& plan);

}  // namespace sidelock::nftables
