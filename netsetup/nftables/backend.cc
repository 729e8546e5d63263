// See backend.h. Chains that lie as we want them are kept and only their rules replaced, all in one transaction: a
// packet then meets either the old rules or the new ones. Were the chains made anew, it could pass the new one before
// the moment and the old one after it, and meet neither.
#include "netsetup/nftables/backend.h"

#include <algorithm>
#include <cerrno>
#include <iterator>
#include <utility>
#include <vector>

#include "config/port_ranges.h"
#include "netsetup/nftables/layout.h"
#include "netsetup/nftables/live_plan.h"
#include "netsetup/nftables/messages.h"
#include "netsetup/nftables/netlink.h"
#include "netsetup/nftables/others.h"
#include "netsetup/nftables/ruleset.h"

namespace sidelock::nftables {

namespace {

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
  add_table(batch);
  add_chain(batch, kGuard.name, &kGuard);
  delete_rules(batch, kGuard.name);
  delete_chain(batch, kGuard.name);
  send(std::move(batch));
}

// The transaction that puts `wanted` in the place of `live`.
Batch replacement(const std::vector<WantedChain>& wanted, const std::vector<LiveChain>& live, bool is_odd) {
  Batch batch;
  add_table(batch);
  if (is_odd) {
    delete_table(batch);
    add_table(batch);
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

Plan NftablesBackend::read() { return read_whole(patience_, live_plan); }

Foreign NftablesBackend::foreign(BackendKind ours) {
  return read_whole(patience_, [ours] { return others(ours); });
}

bool NftablesBackend::remove() {
  if (!read_whole(patience_, has_table)) return false;
  Batch batch;
  // Made first, so that it is no error when somebody else has just deleted it.
  add_table(batch);
  delete_table(batch);
  with_failures([&batch] { send(std::move(batch)); });
  return true;
}

}  // namespace sidelock::nftables
