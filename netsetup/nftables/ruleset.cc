// See ruleset.h.
#include "netsetup/nftables/ruleset.h"

#include <algorithm>

#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>

#include "netsetup/nftables/layout.h"
#include "netsetup/nftables/netlink.h"

namespace sidelock::nftables {

namespace {

void whole(nlmsghdr* /*request*/) {}

std::string text_or_empty(const char* text) { return text == nullptr ? "" : text; }

bool is_ours(const nftnl_rule* rule) {
  return nftnl_rule_get_u32(rule, NFTNL_RULE_FAMILY) == NFPROTO_INET &&
         text_or_empty(nftnl_rule_get_str(rule, NFTNL_RULE_TABLE)) == kTableName;
}

SetPtr our_set(const char* name) {
  auto set = owned<SetPtr>(nftnl_set_alloc());
  nftnl_set_set_str(set.get(), NFTNL_SET_TABLE, kTableName);
  nftnl_set_set_u32(set.get(), NFTNL_SET_FAMILY, NFPROTO_INET);
  if (name != nullptr) nftnl_set_set_str(set.get(), NFTNL_SET_NAME, name);
  return set;
}

std::vector<SetPtr> our_sets() {
  std::vector<SetPtr> sets;
  const SetPtr wanted = our_set(nullptr);
  dump(
      NFT_MSG_GETSET, NFPROTO_INET,
      [&wanted](nlmsghdr* request) { nftnl_set_nlmsg_build_payload(request, wanted.get()); },
      [&sets](const nlmsghdr* message) {
        auto set = owned<SetPtr>(nftnl_set_alloc());
        if (nftnl_set_nlmsg_parse(message, set.get()) >= 0) sets.push_back(std::move(set));
      });
  return sets;
}

void read_elements(nftnl_set* set) {
  const SetPtr wanted = our_set(nftnl_set_get_str(set, NFTNL_SET_NAME));
  dump(
      NFT_MSG_GETSETELEM, NFPROTO_INET,
      [&wanted](nlmsghdr* request) { nftnl_set_elems_nlmsg_build_payload(request, wanted.get()); },
      [set](const nlmsghdr* message) { nftnl_set_elems_nlmsg_parse(message, set); });
}

bool has_our_table() {
  return std::ranges::any_of(
      live_tables(), [](const LiveTable& table) { return table.family == NFPROTO_INET && table.name == kTableName; });
}

std::map<std::string, PortSet> our_port_sets() {
  std::map<std::string, PortSet> found;
  if (!has_our_table()) return found;
  for (const SetPtr& set : our_sets()) {
    read_elements(set.get());
    found.emplace(nftnl_set_get_str(set.get(), NFTNL_SET_NAME), ports_of(set.get()));
  }
  return found;
}

}  // namespace

bool is_ours(const LiveTable& table) { return table.family == NFPROTO_INET && table.name == kTableName; }
bool is_ours(const LiveChain& chain) { return chain.family == NFPROTO_INET && chain.table == kTableName; }
bool is_ours(const LiveRule& rule) { return rule.family == NFPROTO_INET && rule.table == kTableName; }

std::vector<LiveTable> live_tables() {
  std::vector<LiveTable> tables;
  dump(NFT_MSG_GETTABLE, NFPROTO_UNSPEC, whole, [&tables](const nlmsghdr* message) {
    const auto table = owned<TablePtr>(nftnl_table_alloc());
    if (nftnl_table_nlmsg_parse(message, table.get()) < 0) return;
    tables.push_back({nftnl_table_get_u32(table.get(), NFTNL_TABLE_FAMILY),
                      text_or_empty(nftnl_table_get_str(table.get(), NFTNL_TABLE_NAME)),
                      (nftnl_table_get_u32(table.get(), NFTNL_TABLE_FLAGS) & NFT_TABLE_F_DORMANT) != 0});
  });
  return tables;
}

std::vector<LiveChain> live_chains() {
  std::vector<LiveChain> chains;
  dump(NFT_MSG_GETCHAIN, NFPROTO_UNSPEC, whole, [&chains](const nlmsghdr* message) {
    const auto chain = owned<ChainPtr>(nftnl_chain_alloc());
    if (nftnl_chain_nlmsg_parse(message, chain.get()) < 0) return;
    LiveChain live;
    live.family = nftnl_chain_get_u32(chain.get(), NFTNL_CHAIN_FAMILY);
    live.table = text_or_empty(nftnl_chain_get_str(chain.get(), NFTNL_CHAIN_TABLE));
    live.name = text_or_empty(nftnl_chain_get_str(chain.get(), NFTNL_CHAIN_NAME));
    live.is_base = nftnl_chain_is_set(chain.get(), NFTNL_CHAIN_HOOKNUM);
    if (live.is_base) {
      live.type = text_or_empty(nftnl_chain_get_str(chain.get(), NFTNL_CHAIN_TYPE));
      live.hook = nftnl_chain_get_u32(chain.get(), NFTNL_CHAIN_HOOKNUM);
      live.priority = nftnl_chain_get_s32(chain.get(), NFTNL_CHAIN_PRIO);
      live.is_accepting = nftnl_chain_get_u32(chain.get(), NFTNL_CHAIN_POLICY) == NF_ACCEPT;
    }
    chains.push_back(std::move(live));
  });
  return chains;
}

std::vector<LiveRule> live_rules() {
  const std::map<std::string, PortSet> sets = our_port_sets();
  static const std::map<std::string, PortSet> kNone;
  std::vector<LiveRule> rules;
  dump(NFT_MSG_GETRULE, NFPROTO_UNSPEC, whole, [&](const nlmsghdr* message) {
    const auto rule = owned<RulePtr>(nftnl_rule_alloc());
    if (nftnl_rule_nlmsg_parse(message, rule.get()) < 0) return;
    rules.push_back({nftnl_rule_get_u32(rule.get(), NFTNL_RULE_FAMILY),
                     text_or_empty(nftnl_rule_get_str(rule.get(), NFTNL_RULE_TABLE)),
                     text_or_empty(nftnl_rule_get_str(rule.get(), NFTNL_RULE_CHAIN)),
                     decode(rule.get(), is_ours(rule.get()) ? sets : kNone)});
  });
  return rules;
}

}  // namespace sidelock::nftables
