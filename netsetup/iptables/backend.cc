// See backend.h.
#include "netsetup/iptables/backend.h"

#include <algorithm>
#include <cerrno>
#include <fstream>

#include <fmt/format.h>

#include "base/error.h"
#include "netsetup/capabilities.h"
#include "netsetup/iptables/lock.h"
#include "netsetup/iptables/table.h"

namespace sidelock::iptables {

namespace {

constexpr int kMostTries = 50;

[[noreturn]] void explain(const TableError& error) {
  const std::string what = error.what();
  if (error.error() == EPERM || error.error() == EACCES) {
    const std::string missing = missing_capabilities({kNetAdmin, kNetRaw});
    throw Failure{ExitCode::kMissingPermission,
                  fmt::format("{}; the iptables backend needs the capabilities NET_ADMIN and NET_RAW{}", what,
                              missing.empty() ? "" : ", of which this process lacks " + missing)};
  }
  if (error.error() == ENOPROTOOPT || error.error() == ENOENT || error.error() == EAFNOSUPPORT) {
    throw Failure{ExitCode::kNoBackend,
                  fmt::format("{}; this kernel offers no legacy iptables, and sidelock {} has no nftables backend, which would serve here",
                              what, SIDELOCK_VERSION)};
  }
  throw Failure{ExitCode::kFailure, what};
}

// Whether the table exists in this namespace already: reading one makes it exist. When nobody may say (the file is
// root's), it may.
bool may_exist(Family family, Table table) {
  std::ifstream names{family == Family::kIpv4 ? "/proc/net/ip_tables_names" : "/proc/net/ip6_tables_names"};
  if (!names) return errno != ENOENT;
  for (std::string line; std::getline(names, line);) {
    if (line == name(table)) return true;
  }
  return false;
}

bool is_own_chain(const std::string& chain) { return chain.starts_with(kChainPrefix); }

void remove_ours(LiveTable& live) {
  const std::vector<std::string> chains = live.chains();
  for (const std::string& chain : chains) {
    if (is_own_chain(chain)) {
      live.flush_chain(chain);
      continue;
    }
    const std::vector<LiveRule> rules = live.rules(chain, {});
    for (std::size_t i = rules.size(); i-- > 0;) {
      if (rules[i].is_ours) live.remove(chain, static_cast<unsigned>(i));
    }
  }
  for (const std::string& chain : chains) {
    if (is_own_chain(chain)) live.delete_chain(chain);
  }
}

void put_ours(LiveTable& live, const TablePlan& table) {
  for (const Chain& chain : table.own) live.create_chain(chain.name);
  for (const Chain& chain : table.own) {
    for (const Rule& rule : chain.rules) live.append(chain.name, rule);
  }
  for (const Chain& chain : table.built_in) {
    // In front of everybody else: a foreign ACCEPT before us would let clients through in plain text.
    unsigned position = 0;
    for (const Rule& rule : chain.rules) live.insert(chain.name, rule, position++);
  }
}

void replace(const TablePlan& table) {
  for (int tries = 0; tries < kMostTries; ++tries) {
    const std::unique_ptr<LiveTable> live = LiveTable::open(table.family, table.table);
    remove_ours(*live);
    put_ours(*live, table);
    if (live->commit()) return;
  }
  throw Failure{ExitCode::kFailure, fmt::format("{} table {}: somebody else kept changing it through {} tries", name(table.family),
                                                name(table.table), kMostTries)};
}

TableState read_table(const TablePlan& wanted, const std::vector<PortRange>& ports) {
  TableState state{{wanted.family, wanted.table, {}, {}}, {}, {}};
  const std::unique_ptr<LiveTable> live = LiveTable::open(wanted.family, wanted.table);
  for (const std::string& chain : live->chains()) {
    Chain ours{chain, {}};
    std::vector<std::string> foreign;
    for (const LiveRule& rule : live->rules(chain, ports)) {
      if (is_own_chain(chain) || rule.is_ours) {
        if (rule.rule) {
          ours.rules.push_back(*rule.rule);
        } else {
          state.undecodable.push_back(fmt::format("a rule of {} (-j {}) is none that sidelock makes", chain, rule.target));
        }
        // What stands before our first rule in a chain that packets enter from outside.
        if (chain == "PREROUTING") state.foreign_before.insert(state.foreign_before.end(), foreign.begin(), foreign.end());
        foreign.clear();
      } else if (!rule.target.empty() && rule.may_match_ports) {
        foreign.push_back(fmt::format("{} {} {}: a rule with -j {}", name(wanted.family), name(wanted.table), chain, rule.target));
      }
    }
    if (is_own_chain(chain)) {
      state.ours.own.push_back(std::move(ours));
    } else if (!ours.rules.empty()) {
      state.ours.built_in.push_back(std::move(ours));
    }
  }
  std::ranges::sort(state.ours.own, {}, &Chain::name);
  return state;
}

}  // namespace

IptablesBackend::IptablesBackend(IpFamily ip_family, std::chrono::milliseconds lock_wait)
    : ip_family_{ip_family}, lock_wait_{lock_wait} {}

// False: nothing is there and nothing is wanted, or the kernel has no IPv6 at all and nobody insists.
bool IptablesBackend::is_usable(const TablePlan& table) const {
  if (table.is_empty() && !may_exist(table.family, table.table)) return false;
  try {
    LiveTable::open(table.family, table.table);
    return true;
  } catch (const TableError& error) {
    const bool is_without_ipv6 = table.family == Family::kIpv6 && error.error() == EAFNOSUPPORT;
    if (is_without_ipv6 && (ip_family_ == IpFamily::kAuto || table.is_empty())) return false;
    const bool is_absent = error.error() == ENOPROTOOPT || error.error() == ENOENT;
    if (is_absent && table.is_empty()) return false;
    explain(error);
  }
}

void IptablesBackend::apply(const Plan& plan) {
  const Fd lock = take_lock(lock_wait_);
  std::vector<const TablePlan*> usable;
  // All of them are opened before the first is changed: a missing capability or table must not leave half a set.
  for (const TablePlan& table : plan.tables) {
    if (is_usable(table)) usable.push_back(&table);
  }
  try {
    for (const TablePlan* const table : usable) replace(*table);
  } catch (const TableError& error) {
    explain(error);
  }
}

std::vector<TableState> IptablesBackend::read(const Plan& plan, const std::vector<PortRange>& ports) {
  std::vector<TableState> states;
  for (const TablePlan& table : plan.tables) {
    try {
      if (is_usable(table)) states.push_back(read_table(table, ports));
    } catch (const TableError& error) {
      explain(error);
    }
  }
  return states;
}

bool IptablesBackend::has_node_chains() {
  for (const Family family : {Family::kIpv4, Family::kIpv6}) {
    if (!may_exist(family, Table::kNat)) continue;
    try {
      const std::vector<std::string> chains = LiveTable::open(family, Table::kNat)->chains();
      if (std::ranges::any_of(chains, [](const std::string& chain) { return chain.starts_with("KUBE-"); })) return true;
    } catch (const TableError&) {
      continue;  // what cannot be read is told when it is needed
    }
  }
  return false;
}

}  // namespace sidelock::iptables
