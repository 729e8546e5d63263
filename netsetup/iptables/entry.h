// A Rule as the bytes of an ipt_entry or ip6t_entry, and back. The only file that knows their layout
// (linux/netfilter_ipv4/ip_tables.h, linux/netfilter/x_tables.h).
#pragma once

#include <optional>
#include <string_view>
#include <vector>

#include "netsetup/rule.h"

namespace sidelock::iptables {

// The entry, ready for iptc_append_entry(). It uses the extension revisions that Debian's iptables uses, so that an
// operator's save and restore keep our rules.
std::vector<unsigned char> encode(const Rule& rule, Family family);

// The rule of an entry that libiptc returned; `target` is iptc_get_target()'s name for it (a chain, a verdict or an extension). Nothing
// when the entry holds what a Rule cannot say.
std::optional<Rule> decode(const unsigned char* entry, std::string_view target, Family family);

// What can be told of any entry, also a foreign one: false only when it surely never matches TCP to one of `ports`.
bool may_match_tcp(const unsigned char* entry, Family family, const std::vector<PortRange>& ports);

}  // namespace sidelock::iptables
