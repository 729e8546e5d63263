// See backend.h. Chains that lie as we want them are kept and only their rules replaced, all in one transaction: a
// packet then meets either the old rules or the new ones. Were the chains made anew, it could pass the new one before
// the moment and the old one after it, and meet neither.
#include "netsetup/nftables/backend.h"

#include <algorithm>
#include <cerrno>
#include <iterator>
#include <set>
#include <string_view>
#include <utility>

#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>

#include "config/port_ranges.h"
#include "netsetup/narrowed.h"
#include "netsetup/nftables/layout.h"
#include "netsetup/nftables/netlink.h"
#include "netsetup/nftables/ruleset.h"
#include "netsetup/nftables/text.h"

namespace sidelock::nftables {

namespace {

bool is_ours(const LiveTable& table) { return table.family == NFPROTO_INET && table.name == kTableName; }

template <class Object>  // a chain or a rule
bool is_ours(const Object& object) {
  return object.family == NFPROTO_INET && object.table == kTableName;
}

template <class Work>
auto with_failures(Work work) {
  try {
    return work();
  } catch (const NetlinkError& error) {
    throw to_failure(error);
  }
}

// Reads until nobody changed anything meanwhile.
template <class Read>
auto read_whole(std::chrono::milliseconds patience, Read read) {
  const auto deadline = std::chrono::steady_clock::now() + patience;
  return with_failures([&] {
    for (;;) {
      try {
        return read();
      } catch (const NetlinkError& error) {
        // ENOENT: a set went with its rule between two questions.
        const bool has_changed = error.number() == EINTR || error.number() == ENOENT;
        if (!has_changed || std::chrono::steady_clock::now() >= deadline) throw;
      }
    }
  });
}

// ---- what is wanted, into messages

void add_table(Batch& batch, std::uint16_t type, std::uint16_t flags, const char* what) {
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

void add_rule(Batch& batch, const Rule& rule, const std::string& chain, std::uint32_t& next_set) {
  const EncodedRule encoded = encode(rule, chain, next_set);
  for (const SetPtr& set : encoded.sets) add_set(batch, set.get());
  batch.add(NFT_MSG_NEWRULE, NLM_F_CREATE | NLM_F_APPEND, "add to " + chain + " `" + to_text(rule) + '`',
            [&encoded](nlmsghdr* message) { nftnl_rule_nlmsg_build_payload(message, encoded.rule.get()); });
}

struct WantedChain {
  std::string name;
  const BaseChain* base = nullptr;
  std::vector<Rule> rules;
};

std::vector<WantedChain> chains_of(const Plan& plan) {
  std::vector<WantedChain> chains;
  for (const FamilyPlan& family : plan.families) {
    for (const TablePlan& table : family.tables) {
      for (const BaseChain& base : kBaseChains) {
        WantedChain chain{base.name, &base, {}};
        for (const Hook& hook : table.hooks) {
          if (base.table == table.table && base.builtin == hook.chain) chain.rules.push_back(hook.rule);
        }
        if (!chain.rules.empty()) chains.push_back(std::move(chain));
      }
      for (const Chain& chain : table.chains) chains.push_back({chain.name, nullptr, chain.rules});
    }
  }
  return chains;
}

// ---- the guard

std::vector<PortRange> captured_ports(const Plan& plan) {
  std::vector<PortRange> ports;
  for (const FamilyPlan& family : plan.families) {
    for (const TablePlan& table : family.tables) {
      for (const Chain& chain : table.chains) {
        for (const Rule& rule : chain.rules) {
          if (rule.target == kRedirect || rule.target == kTproxy)
            std::ranges::copy(destination_ports_of(rule), std::back_inserter(ports));
        }
      }
    }
  }
  return normalised(std::move(ports));
}

// What arrives at a captured port as it was sent. Under redirect no captured packet does; under tproxy all do, and
// those few are sent again.
Rule guard_rule(std::vector<PortRange> ports) {
  Rule rule;
  rule.in = InterfaceMatch{"lo", true};
  rule.is_tcp = true;
  rule.destination_port_set = std::move(ports);
  rule.target = kDrop;
  return rule;
}

void raise_guard(std::vector<PortRange> ports) {
  Batch batch;
  add_chain(batch, kGuard.name, &kGuard);
  delete_rules(batch, kGuard.name);
  std::uint32_t next_set = 1;
  add_rule(batch, guard_rule(std::move(ports)), kGuard.name, next_set);
  send(std::move(batch));
}

// Made first, so that it is no error when somebody else has just deleted it.
void lower_guard() {
  Batch batch;
  add_table(batch, NFT_MSG_NEWTABLE, NLM_F_CREATE, "add");
  add_chain(batch, kGuard.name, &kGuard);
  delete_rules(batch, kGuard.name);
  delete_chain(batch, kGuard.name);
  send(std::move(batch));
}

// ---- what is there, into a plan

const BaseChain* base_chain(std::string_view name) {
  const auto* const found = std::ranges::find(kBaseChains, name, &BaseChain::name);
  return found == kBaseChains.end() ? nullptr : found;
}

bool is_guard(const LiveChain& chain) { return chain.name == kGuard.name; }

// A base chain of ours is just that, and no other chain is one.
bool is_as_laid_out(const LiveChain& chain) {
  const BaseChain* base = base_chain(chain.name);
  if (base == nullptr) return !chain.is_base;
  return chain.is_base && chain.type == base->type && chain.hook == base->hook_number &&
         chain.priority == base->priority && chain.is_accepting;
}

Table table_of(const std::string& chain) {
  if (chain.starts_with("nat_")) return Table::kNat;
  return chain.starts_with("filter_") || chain == kGuard.name ? Table::kFilter : Table::kMangle;
}

TablePlan& table_in(Plan& plan, Table table) {
  return *std::ranges::find(plan.families.front().tables, table, &TablePlan::table);
}

void add_live_chain(Plan& plan, const LiveChain& chain) {
  TablePlan& table = table_in(plan, table_of(chain.name));
  if (is_guard(chain)) {
    table.oddity = "the guard of an init that did not come to its end drops what comes to captured ports";
  } else if (!is_as_laid_out(chain)) {
    table.oddity = "chain " + chain.name + " with another type, hook, priority or policy";
  } else if (!chain.is_base) {
    table.chains.push_back({chain.name, {}});
  }
}

void add_live_rule(Plan& plan, const LiveRule& live) {
  TablePlan& table = table_in(plan, table_of(live.chain));
  if (const BaseChain* base = base_chain(live.chain)) {
    table.hooks.push_back({std::string{base->builtin}, true, live.decoded.rule});
    return;
  }
  const auto chain = std::ranges::find(table.chains, live.chain, &Chain::name);
  if (chain != table.chains.end()) chain->rules.push_back(live.decoded.rule);
}

void sort(TablePlan& table) {
  std::ranges::sort(table.chains, {}, &Chain::name);
  std::ranges::stable_sort(table.hooks, {}, [&table](const Hook& hook) {
    return std::ranges::find_if(
        kBaseChains, [&](const BaseChain& base) { return base.table == table.table && base.builtin == hook.chain; });
  });
}

Plan read_once() {
  Plan plan = empty_plan(BackendKind::kNftables);
  for (const LiveTable& table : live_tables()) {
    if (is_ours(table) && table.is_dormant) table_in(plan, Table::kNat).oddity = "the table is dormant";
  }
  for (const LiveChain& chain : live_chains()) {
    if (is_ours(chain)) add_live_chain(plan, chain);
  }
  for (const LiveRule& rule : live_rules()) {
    if (is_ours(rule)) add_live_rule(plan, rule);
  }
  for (TablePlan& table : plan.families.front().tables) sort(table);
  return plan;
}

// ---- what is not ours

Family family_of(std::uint32_t protocol) {
  if (protocol == NFPROTO_IPV4) return Family::kIpv4;
  return protocol == NFPROTO_IPV6 ? Family::kIpv6 : Family::kInet;
}

const char* family_text(std::uint32_t protocol) {
  switch (protocol) {
    case NFPROTO_IPV4: return "ip";
    case NFPROTO_IPV6: return "ip6";
    case NFPROTO_INET: return "inet";
    case NFPROTO_NETDEV: return "netdev";
    default: return "?";
  }
}

// Priorities of iptables' own chains: linux/netfilter_ipv4.h (nf_ip_hook_priorities).
constexpr int kIptablesMangle = -150;
constexpr int kIptablesNat = -100;

int priority_of_ours(bool is_nat, BackendKind ours) {
  if (ours == BackendKind::kIptables) return is_nat ? kIptablesNat : kIptablesMangle;
  return base_chain(is_nat ? "nat_prerouting" : "mangle_prerouting")->priority;
}

bool sees_incoming(const LiveChain& chain) {
  const bool is_ip = chain.family == NFPROTO_IPV4 || chain.family == NFPROTO_IPV6 || chain.family == NFPROTO_INET;
  return is_ip && chain.hook == NF_INET_PRE_ROUTING;
}

// Whether the chain sees packets before the chain of ours that captures them. Ingress comes before all others. Of two
// chains with one priority the kernel calls the one first that was registered last.
bool is_before_ours(const LiveChain& chain, BackendKind ours) {
  const bool is_ingress =
      chain.family == NFPROTO_NETDEV || (chain.family == NFPROTO_INET && chain.hook == NF_INET_INGRESS);
  if (is_ingress) return true;
  return sees_incoming(chain) && chain.priority <= priority_of_ours(chain.type == "nat", ours);
}

ForeignRule foreign_rule(const LiveRule& live, const Rule& rule) {
  const Decoded& decoded = live.decoded;
  return {family_of(live.family),
          std::string{"table "} + family_text(live.family) + ' ' + live.table + ", chain " + live.chain,
          match_text(decoded.rule) + decoded.ending,
          rule,
          decoded.may_match_tcp,
          false,
          decoded.is_terminal,
          decoded.ending == "notrack"};
}

// Follows jumps from a base chain to the rules with one target, with what is asked for on the way to them.
class Follower {
 public:
  Follower(const std::vector<LiveRule>& rules, const LiveChain& base, std::string_view target)
      : rules_{rules}, base_{base}, target_{target} {}

  std::vector<ForeignRule> follow() {
    visit(base_.name, Narrowed{}, 0);
    return std::move(found_);
  }

 private:
  void visit(const std::string& chain, Narrowed way, int depth) {
    constexpr int kDeepest = 16;  // as in the kernel, which refuses loops; what is read while it changes may have one
    if (depth > kDeepest) return;
    for (const LiveRule& live : rules_) {
      if (live.family != base_.family || live.table != base_.table || live.chain != chain) continue;
      const Decoded& decoded = live.decoded;
      if (!decoded.may_match_tcp) continue;
      if (decoded.rule.target == kReturn || decoded.rule.target == "ACCEPT") {
        way.leave(decoded.rule);
        continue;
      }
      const Rule narrowed = way.rule(decoded.rule);
      if (decoded.rule.target == target_) found_.push_back(foreign_rule(live, narrowed));
      if (!decoded.jumps_to.empty()) visit(decoded.jumps_to, Narrowed{narrowed}, depth + 1);
    }
  }

  const std::vector<LiveRule>& rules_;
  const LiveChain& base_;
  std::string_view target_;
  std::vector<ForeignRule> found_;
};

// Rules in the order in which a packet may meet them, through jumps.
class Walk {
 public:
  explicit Walk(const std::vector<LiveRule>& rules) : rules_{rules} {}

  void from(const LiveChain& base) {
    seen_.clear();
    visit(base, base.name);
  }

  std::vector<ForeignRule> take() { return std::move(found_); }

 private:
  void visit(const LiveChain& base, const std::string& chain) {
    if (!seen_.insert(chain).second) return;
    for (const LiveRule& live : rules_) {
      if (live.family != base.family || live.table != base.table || live.chain != chain) continue;
      if (!live.decoded.may_match_tcp) continue;
      found_.push_back(foreign_rule(live, live.decoded.rule));
      found_.back().is_before_ours = true;
      if (!live.decoded.jumps_to.empty()) visit(base, live.decoded.jumps_to);
    }
  }

  const std::vector<LiveRule>& rules_;
  std::set<std::string> seen_;
  std::vector<ForeignRule> found_;
};

Foreign foreign_once(BackendKind ours) {
  Foreign foreign;
  const std::vector<LiveRule> rules = live_rules();
  Walk walk{rules};
  std::vector<ForeignRule> between;  // our chain of mangle and that of nat
  for (const LiveChain& chain : live_chains()) {
    if (is_ours(chain)) continue;
    foreign.nat_chains.push_back(chain.name);
    if (!chain.is_base) continue;
    const bool is_first = is_before_ours(chain, ours);
    if (is_first) walk.from(chain);
    if (!sees_incoming(chain)) continue;
    if (chain.type == "nat") {
      for (ForeignRule& rule : Follower{rules, chain, kRedirect}.follow())
        foreign.redirections.push_back(std::move(rule));
    } else if (!is_first && chain.priority <= priority_of_ours(true, ours)) {
      for (ForeignRule& rule : Follower{rules, chain, kTproxy}.follow()) {
        rule.is_before_nat = true;
        between.push_back(std::move(rule));
      }
    }
  }
  foreign.rules = walk.take();
  foreign.rules.insert(foreign.rules.end(), between.begin(), between.end());
  return foreign;
}

// The transaction that puts `wanted` in the place of `live`.
Batch replacement(const std::vector<WantedChain>& wanted, const std::vector<LiveChain>& live, bool is_odd) {
  Batch batch;
  add_table(batch, NFT_MSG_NEWTABLE, NLM_F_CREATE, "add");
  if (is_odd) {
    add_table(batch, NFT_MSG_DELTABLE, 0, "delete");
    add_table(batch, NFT_MSG_NEWTABLE, NLM_F_CREATE, "add");
  } else {
    for (const LiveChain& chain : live) delete_rules(batch, chain.name);
  }
  for (const WantedChain& chain : wanted) add_chain(batch, chain.name, chain.base);
  std::uint32_t next_set = 1;
  for (const WantedChain& chain : wanted) {
    for (const Rule& rule : chain.rules) add_rule(batch, rule, chain.name, next_set);
  }
  for (const LiveChain& chain : live) {
    const bool is_wanted = std::ranges::find(wanted, chain.name, &WantedChain::name) != wanted.end();
    if (!is_wanted && !is_odd) delete_chain(batch, chain.name);
  }
  return batch;
}

bool has_table() {
  return std::ranges::any_of(live_tables(), [](const LiveTable& table) { return is_ours(table); });
}

}  // namespace

void NftablesBackend::apply(const Plan& plan) {
  const std::vector<WantedChain> wanted = chains_of(plan);
  if (wanted.empty()) {
    remove();
    return;
  }
  std::vector<LiveChain> live;
  bool is_odd = false;
  bool has_guard = false;
  read_whole(patience_, [&] {
    live = live_chains();
    std::erase_if(live, [](const LiveChain& chain) { return !is_ours(chain); });
    has_guard = std::erase_if(live, is_guard) > 0;
    const std::vector<LiveTable> tables = live_tables();
    is_odd = std::ranges::any_of(tables, [](const LiveTable& table) { return is_ours(table) && table.is_dormant; }) ||
             !std::ranges::all_of(live, is_as_laid_out);
  });
  std::vector<PortRange> ports = captured_ports(plan);
  const bool is_guarded = !live.empty() && !is_odd && !ports.empty();
  with_failures([&] {
    if (is_guarded) raise_guard(std::move(ports));
    send(replacement(wanted, live, is_odd));
    if (is_guarded || has_guard) lower_guard();
  });
}

Plan NftablesBackend::read() { return read_whole(patience_, read_once); }

Foreign NftablesBackend::foreign(BackendKind ours) {
  return read_whole(patience_, [ours] { return foreign_once(ours); });
}

bool NftablesBackend::remove() {
  if (!read_whole(patience_, has_table)) return false;
  Batch batch;
  // Made first, so that it is no error when somebody else has just deleted it.
  add_table(batch, NFT_MSG_NEWTABLE, NLM_F_CREATE, "add");
  add_table(batch, NFT_MSG_DELTABLE, 0, "delete");
  with_failures([&batch] { send(std::move(batch)); });
  return true;
}

}  // namespace sidelock::nftables
