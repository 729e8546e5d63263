// See backend.h. Removing what is ours and adding what is wanted happen in one copy of the table, so that the kernel
// goes from the old rules to the new ones in one step, whatever state it was in.
#include "netsetup/iptables/backend.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <map>
#include <string_view>
#include <thread>
#include <utility>

#include "netsetup/iptables/others.h"
#include "netsetup/iptables/table.h"

namespace sidelock::iptables {

namespace {

constexpr std::array kFamilies{Family::kIpv4, Family::kIpv6};
constexpr std::array kTables{Table::kRaw, Table::kFilter, Table::kMangle, Table::kNat};
constexpr std::chrono::milliseconds kPauseBeforeRetry{1};
constexpr int kTriesWhenInvalid = 10;

template <class Work>
auto with_failures(Work work) {
  try {
    return work();
  } catch (const TableError& error) {
    throw to_failure(error);
  }
}

// Chains go last and empty, since neither a filled chain nor one that a rule names can be deleted.
bool remove_ours(TableHandle& table) {
  bool found = false;
  const std::vector<std::string> chains = table.chains();
  for (const std::string& chain : chains) {
    if (is_our_chain(chain)) table.flush(chain);
  }
  for (const std::string& chain : chains) {
    if (is_our_chain(chain)) continue;
    const std::vector<Decoded> rules = table.rules(chain);
    for (std::size_t i = rules.size(); i-- > 0;) {
      if (!is_ours(rules[i].rule)) continue;
      table.erase(chain, static_cast<unsigned>(i));
      found = true;
    }
  }
  for (const std::string& chain : chains) {
    if (!is_our_chain(chain)) continue;
    table.delete_chain(chain);
    found = true;
  }
  return found;
}

void add(TableHandle& table, const TablePlan& wanted) {
  for (const Chain& chain : wanted.chains) table.create_chain(chain.name);
  for (const Chain& chain : wanted.chains) {
    for (const Rule& rule : chain.rules) table.append(chain.name, rule);
  }
  std::map<std::string, unsigned> front;
  for (const Hook& hook : wanted.hooks) {
    if (hook.is_first) {
      table.insert(hook.chain, hook.rule, front[hook.chain]++);
    } else {
      table.append(hook.chain, hook.rule);
    }
  }
}

TablePlan read_table(Family family, Table name) {
  TablePlan ours{name, {}, {}, {}};
  const std::optional<TableHandle> table = TableHandle::open_if_present(family, name);
  if (!table) return ours;
  for (const std::string& chain : table->chains()) {
    bool is_front = true;
    Chain own{chain, {}};
    for (Decoded& decoded : table->rules(chain)) {
      if (is_our_chain(chain)) {
        own.rules.push_back(std::move(decoded.rule));
      } else if (is_ours(decoded.rule)) {
        ours.hooks.push_back({chain, is_front, std::move(decoded.rule)});
      } else {
        is_front = false;
      }
    }
    if (is_our_chain(chain)) ours.chains.push_back(std::move(own));
  }
  std::ranges::sort(ours.chains, {}, &Chain::name);
  return ours;
}

// Also in front of others' rules, where that is wanted.
bool is_as_wanted(Family family, const TablePlan& wanted) {
  const TablePlan there = read_table(family, wanted.table);
  return there == wanted && std::ranges::equal(there.hooks, wanted.hooks, [](const Hook& found, const Hook& hook) {
           return found.is_first || !hook.is_first;
         });
}

bool replace_once(Family family, const TablePlan& wanted) {
  std::optional<TableHandle> table;
  if (wanted.is_empty()) {
    table = TableHandle::open_if_present(family, wanted.table);
  } else {
    table.emplace(family, wanted.table);
  }
  const bool found = table && remove_ours(*table);
  if (wanted.is_empty() && !found) return false;
  add(*table, wanted);
  table->commit();
  return true;
}

}  // namespace

// Returns whether there was anything to write. EAGAIN: somebody wrote the table since it was opened. EINVAL: the kernel
// refuses the rules, or somebody wrote the table after ours had been taken and before libiptc, in a second call, gave
// the old rules their counters back. What is there now tells which, unless that somebody took rules of ours away.
bool IptablesBackend::replace(Family family, const TablePlan& wanted) {
  const auto deadline = std::chrono::steady_clock::now() + patience_;
  for (int invalid = 0;;) {
    try {
      return replace_once(family, wanted);
    } catch (const TableError& error) {
      const bool is_invalid = error.number() == EINVAL;
      if (is_invalid && is_as_wanted(family, wanted)) return true;
      if (is_invalid ? ++invalid == kTriesWhenInvalid : error.number() != EAGAIN) throw;
      if (std::chrono::steady_clock::now() >= deadline) throw;
    }
    std::this_thread::sleep_for(kPauseBeforeRetry);
  }
}

void IptablesBackend::apply(const Plan& plan) {
  with_failures([&] {
    for (const FamilyPlan& family : plan.families) {
      for (const TablePlan& table : family.tables) replace(family.family, table);
    }
  });
}

Plan IptablesBackend::read() {
  return with_failures([] {
    Plan plan = empty_plan();
    for (FamilyPlan& family : plan.families) {
      for (TablePlan& table : family.tables) table = read_table(family.family, table.table);
    }
    return plan;
  });
}

Foreign IptablesBackend::foreign(BackendKind ours) {
  return with_failures([ours] {
    Foreign foreign;
    for (const Family family : kFamilies) {
      for (const Table table : kTables) add_foreign(foreign, family, table, ours);
    }
    return foreign;
  });
}

// In the opposite order: while nat still translates, mangle keeps dropping what would reset those connections.
bool IptablesBackend::remove() {
  return with_failures([this] {
    bool found = false;
    for (const Family family : kFamilies) {
      for (const Table table : {Table::kNat, Table::kMangle, Table::kFilter})
        found |= replace(family, TablePlan{table, {}, {}, {}});
    }
    return found;
  });
}

}  // namespace sidelock::iptables
