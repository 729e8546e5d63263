// See messages.h.
#include "netsetup/nftables/messages.h"

#include <memory>
#include <string_view>

#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>

#include "netsetup/nftables/expressions.h"
#include "netsetup/nftables/text.h"

namespace sidelock::nftables {

namespace {

void say_of_table(Batch& batch, std::uint16_t type, std::uint16_t flags, const char* what) {
  const auto table = owned<TablePtr>(nftnl_table_alloc());
  nftnl_table_set_str(table.get(), NFTNL_TABLE_NAME, kTableName);
  nftnl_table_set_u32(table.get(), NFTNL_TABLE_FAMILY, NFPROTO_INET);
  batch.add(type, flags, std::string{what} + " table inet sidelock",
            [&table](nlmsghdr* message) { nftnl_table_nlmsg_build_payload(message, table.get()); });
}

ChainPtr chain_named(std::string_view name) {
  auto chain = owned<ChainPtr>(nftnl_chain_alloc());
  nftnl_chain_set_str(chain.get(), NFTNL_CHAIN_TABLE, kTableName);
  nftnl_chain_set_str(chain.get(), NFTNL_CHAIN_NAME, std::string{name}.c_str());
  return chain;
}

void add_set(Batch& batch, nftnl_set* set) {
  batch.add(NFT_MSG_NEWSET, NLM_F_CREATE, "add a set of ports",
            [set](nlmsghdr* message) { nftnl_set_nlmsg_build_payload(message, set); });
  using Elements = std::unique_ptr<nftnl_set_elems_iter, Freed<nftnl_set_elems_iter_destroy>>;
  const auto elements = owned<Elements>(nftnl_set_elems_iter_create(set));
  // As many messages as it takes: one holds at most 64 KiB of elements.
  for (int more = 1; more > 0;) {
    batch.add(NFT_MSG_NEWSETELEM, NLM_F_CREATE, "add ports to a set",
              [&](nlmsghdr* message) { more = nftnl_set_elems_nlmsg_build_payload_iter(message, elements.get()); });
  }
}

}  // namespace

void add_table(Batch& batch) { say_of_table(batch, NFT_MSG_NEWTABLE, NLM_F_CREATE, "add"); }

void delete_table(Batch& batch) { say_of_table(batch, NFT_MSG_DELTABLE, 0, "delete"); }

void add_chain(Batch& batch, const std::string& name, const BaseChain* base) {
  const ChainPtr chain = chain_named(name);
  if (base != nullptr) {
    nftnl_chain_set_str(chain.get(), NFTNL_CHAIN_TYPE, base->type);
    nftnl_chain_set_u32(chain.get(), NFTNL_CHAIN_HOOKNUM, base->hook_number);
    nftnl_chain_set_s32(chain.get(), NFTNL_CHAIN_PRIO, base->priority);
    nftnl_chain_set_u32(chain.get(), NFTNL_CHAIN_POLICY, NF_ACCEPT);
  }
  batch.add(NFT_MSG_NEWCHAIN, NLM_F_CREATE, "add chain " + name,
            [&chain](nlmsghdr* message) { nftnl_chain_nlmsg_build_payload(message, chain.get()); });
}

void delete_chain(Batch& batch, const std::string& name) {
  const ChainPtr chain = chain_named(name);
  batch.add(NFT_MSG_DELCHAIN, 0, "delete chain " + name,
            [&chain](nlmsghdr* message) { nftnl_chain_nlmsg_build_payload(message, chain.get()); });
}

void delete_rules(Batch& batch, const std::string& chain) {
  const auto rule = owned<RulePtr>(nftnl_rule_alloc());
  nftnl_rule_set_str(rule.get(), NFTNL_RULE_TABLE, kTableName);
  nftnl_rule_set_str(rule.get(), NFTNL_RULE_CHAIN, chain.c_str());
  nftnl_rule_set_u32(rule.get(), NFTNL_RULE_FAMILY, NFPROTO_INET);
  batch.add(NFT_MSG_DELRULE, 0, "delete the old rules of " + chain,
            [&rule](nlmsghdr* message) { nftnl_rule_nlmsg_build_payload(message, rule.get()); });
}

void add_rule(Batch& batch, const Rule& rule, const std::string& chain, std::uint32_t& next_set) {
  const EncodedRule encoded = encode(rule, chain, next_set);
  for (const SetPtr& set : encoded.sets) add_set(batch, set.get());
  batch.add(NFT_MSG_NEWRULE, NLM_F_CREATE | NLM_F_APPEND, "add to " + chain + " `" + to_text(rule) + '`',
            [&encoded](nlmsghdr* message) { nftnl_rule_nlmsg_build_payload(message, encoded.rule.get()); });
}

}  // namespace sidelock::nftables
