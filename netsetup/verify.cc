// The comparison of backend.h, written once for all backends.
#include <algorithm>

#include <fmt/format.h>

#include "netsetup/backend.h"

namespace sidelock {

namespace {

void compare_chains(const std::string& where, const std::vector<Chain>& wanted, const std::vector<Chain>& found,
                    std::vector<std::string>& result) {
  const auto find = [](const std::vector<Chain>& chains, const std::string& chain) {
    return std::ranges::find(chains, chain, &Chain::name);
  };
  for (const Chain& chain : wanted) {
    const auto there = find(found, chain.name);
    if (there == found.end()) {
      result.push_back(fmt::format("{}: chain {} has none of our rules", where, chain.name));
      continue;
    }
    const std::size_t most = std::max(chain.rules.size(), there->rules.size());
    for (std::size_t i = 0; i < most; ++i) {
      const std::string want = i < chain.rules.size() ? to_text(chain.name, chain.rules[i]) : "nothing";
      const std::string have = i < there->rules.size() ? to_text(chain.name, there->rules[i]) : "nothing";
      if (want != have) result.push_back(fmt::format("{}: `{}` where `{}` belongs", where, have, want));
    }
  }
  for (const Chain& chain : found) {
    if (find(wanted, chain.name) == wanted.end()) result.push_back(fmt::format("{}: chain {} is left over", where, chain.name));
  }
}

}  // namespace

std::vector<std::string> differences(const Plan& wanted, const std::vector<TableState>& found) {
  std::vector<std::string> result;
  for (const TablePlan& table : wanted.tables) {
    const std::string where = name(table.family) + ' ' + name(table.table);
    const auto state = std::ranges::find_if(found, [&](const TableState& candidate) {
      return candidate.ours.family == table.family && candidate.ours.table == table.table;
    });
    if (state == found.end()) {
      if (!table.is_empty()) result.push_back(where + ": not there");
      continue;
    }
    compare_chains(where, table.built_in, state->ours.built_in, result);
    compare_chains(where, table.own, state->ours.own, result);
    for (const std::string& place : state->undecodable) result.push_back(where + ": " + place);
  }
  return result;
}

}  // namespace sidelock
