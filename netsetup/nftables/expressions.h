// A Rule as the expressions that nf_tables keeps, and back. The only place that knows registers, keys and byte orders.
// Pure: no system call. The expressions are those that nft 1.0 makes of the same words, so that it prints them again.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "netsetup/nftables/handles.h"
#include "netsetup/rule.h"

namespace sidelock::nftables {

struct EncodedRule {
  RulePtr rule;
  std::vector<SetPtr> sets;  // anonymous, each to be created before the rule that names it
};

// `next_set` numbers the anonymous sets of one transaction.
EncodedRule encode(const Rule& rule, const std::string& chain, std::uint32_t& next_set);

// A set or map of ports as it was read.
struct PortSet {
  std::vector<PortRange> ports;
  std::map<std::uint16_t, std::uint16_t> targets;  // only of a map
};

// What `set` holds, when its keys are ports; its elements must have been read.
PortSet ports_of(const nftnl_set* set);

struct Decoded {
  Rule rule;
  std::string ending;         // how the rule ends, as nft says it: "drop", "jump nat_in", "dnat", or nothing
  std::string jumps_to;       // a chain, when it may come back from it or end there
  bool is_terminal = false;   // it may end the packet's way, translate or divert it
  bool may_match_tcp = true;  // false: its protocol excludes TCP
};

// `sets` by name. What Rule cannot say is left out, and has_more tells so.
Decoded decode(const nftnl_rule* rule, const std::map<std::string, PortSet>& sets);

}  // namespace sidelock::nftables
