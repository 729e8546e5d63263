// See verify.h.
#include "netsetup/verify.h"

#include <algorithm>
#include <cstddef>
#include <vector>

namespace sidelock {

namespace {

// A table as lines, so that the answer can show the line that differs.
std::vector<std::string> lines_of(const TablePlan& table) {
  std::vector<std::string> lines;
  for (const Hook& hook : table.hooks) lines.push_back(to_text(hook.rule, hook.chain));
  for (const Chain& chain : table.chains) {
    lines.push_back("-N " + chain.name);
    for (const Rule& rule : chain.rules) lines.push_back(to_text(rule, chain.name));
  }
  return lines;
}

std::string line_at(const std::vector<std::string>& lines, std::size_t index) {
  return index < lines.size() ? '`' + lines[index] + '`' : "nothing";
}

std::string difference(const TablePlan& wanted, const TablePlan& live) {
  if (wanted == live) return {};
  const std::vector<std::string> want = lines_of(wanted);
  const std::vector<std::string> have = lines_of(live);
  std::size_t at = 0;
  while (at < want.size() && at < have.size() && want[at] == have[at]) ++at;
  return "wanted " + line_at(want, at) + ", found " + line_at(have, at);
}

const TablePlan& table_in(const Plan& plan, Family family, Table table) {
  static const TablePlan kNothing;
  const auto found = std::ranges::find(plan.families, family, &FamilyPlan::family);
  if (found == plan.families.end()) return kNothing;
  const auto in_family = std::ranges::find(found->tables, table, &TablePlan::table);
  return in_family == found->tables.end() ? kNothing : *in_family;
}

bool may_match(const ForeignRule& foreign, const std::vector<PortRange>& ports) {
  const Rule& rule = foreign.rule;
  if (!foreign.may_match_tcp) return false;
  if (rule.in && !rule.in->is_inverted && rule.in->name == "lo") return false;
  if (!rule.destination_ports) return true;
  return std::ranges::any_of(ports, [&rule](const PortRange& ours) {
    return ours.first <= rule.destination_ports->last && rule.destination_ports->first <= ours.last;
  });
}

std::string place(Family family, Table table) {
  return std::string{name_of(family)} + " table " + std::string{name_of(table)};
}

}  // namespace

std::string difference(const Plan& wanted, const Plan& live) {
  for (const FamilyPlan& family : wanted.families) {
    for (const TablePlan& table : family.tables) {
      const std::string text = difference(table, table_in(live, family.family, table.table));
      if (!text.empty()) return place(family.family, table.table) + ": " + text;
    }
  }
  return {};
}

std::string obstacle(const Foreign& foreign, const CaptureSettings& settings) {
  for (const ForeignRule& rule : foreign.rules) {
    const bool is_other_family =
        settings.ip_family == (rule.family == Family::kIpv4 ? IpFamily::kIpv6 : IpFamily::kIpv4);
    if (is_other_family || !rule.is_before_ours || !rule.is_terminal || !may_match(rule, settings.ports)) continue;
    return place(rule.family, rule.table) + ": the foreign rule `" + to_text(rule.rule, rule.chain) +
           "` stands before ours and can take captured ports from them";
  }
  return {};
}

}  // namespace sidelock
