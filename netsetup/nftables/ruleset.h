// What nf_tables holds, as values: its tables, chains and rules. Main thread only.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "netsetup/nftables/expressions.h"

namespace sidelock::nftables {

struct LiveTable {
  std::uint32_t family = 0;  // NFPROTO_...
  std::string name;
  bool is_dormant = false;
};

struct LiveChain {
  std::uint32_t family = 0;
  std::string table;
  std::string name;
  bool is_base = false;
  std::string type;  // the rest only of base chains
  std::uint32_t hook = 0;
  int priority = 0;
  bool is_accepting = true;  // its policy
};

struct LiveRule {
  std::uint32_t family = 0;
  std::string table;
  std::string chain;
  Decoded decoded;
};

bool is_ours(const LiveTable& table);
bool is_ours(const LiveChain& chain);
bool is_ours(const LiveRule& rule);

// All throw NetlinkError, with EINTR when somebody changed the rules meanwhile.
std::vector<LiveTable> live_tables();
std::vector<LiveChain> live_chains();
std::vector<LiveRule> live_rules();  // without the contents of foreign sets

}  // namespace sidelock::nftables
