// What one transaction says of our table, its chains and their rules. Main thread only.
// Throws std::bad_alloc. Source: linux/netfilter/nf_tables.h (nf_tables_msg_types).
#pragma once

#include <cstdint>
#include <string>

#include "netsetup/nftables/layout.h"
#include "netsetup/nftables/netlink.h"

namespace sidelock::nftables {

void add_table(Batch& batch);     // or keep the one that is there
void delete_table(Batch& batch);  // with all that is in it

// Or keep the one that is there. `base`: as laid out there, or nothing for a chain that rules jump to.
void add_chain(Batch& batch, const std::string& name, const BaseChain* base);
void delete_chain(Batch& batch, const std::string& name);  // an empty one

// To the end of the chain. `next_set`: the number of the transaction's next set, from 1.
void add_rule(Batch& batch, const Rule& rule, const std::string& chain, std::uint32_t& next_set);
void delete_rules(Batch& batch, const std::string& chain);  // all of that chain

}  // namespace sidelock::nftables
