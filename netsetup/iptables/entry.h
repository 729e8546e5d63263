// A Rule as the bytes that x_tables keeps, and back. The only place that knows its structures, alignment and padding.
// Pure: no kernel call. Sources: linux/netfilter/x_tables.h and the headers of each match and target.
#pragma once

#include <string_view>
#include <vector>

#include "netsetup/rule.h"

namespace sidelock::iptables {

// One ipt_entry or ip6t_entry with its matches and its target. A jump carries the chain's name; libiptc puts the
// chain's offset in its place.
std::vector<unsigned char> encode(const Rule& rule, Family family);

struct Decoded {
  Rule rule;
  bool may_match_tcp = true;  // false: its protocol excludes TCP
};

// `entry` as libiptc returns it, `target` as iptc_get_target() names it. What Rule cannot say is left out, and has_more
// tells so.
Decoded decode(const unsigned char* entry, Family family, std::string_view target);

}  // namespace sidelock::iptables
