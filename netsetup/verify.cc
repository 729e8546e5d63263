// See verify.h.
#include "netsetup/verify.h"

#include <algorithm>
#include <cstddef>
#include <vector>

#include <fmt/format.h>

#include "config/port_ranges.h"
#include "netsetup/nftables/text.h"

namespace sidelock {

namespace {

std::string line_of(const Rule& rule, const std::string& chain, BackendKind backend) {
  return backend == BackendKind::kIptables ? to_text(rule, chain) : chain + ": " + nftables::to_text(rule);
}

// A table as lines, so that the answer can show the line that differs.
std::vector<std::string> lines_of(const TablePlan& table, BackendKind backend) {
  std::vector<std::string> lines;
  if (!table.oddity.empty()) lines.push_back(table.oddity);
  for (const Hook& hook : table.hooks) lines.push_back(line_of(hook.rule, hook.chain, backend));
  for (const Chain& chain : table.chains) {
    lines.push_back("chain " + chain.name);
    for (const Rule& rule : chain.rules) lines.push_back(line_of(rule, chain.name, backend));
  }
  return lines;
}

std::string line_at(const std::vector<std::string>& lines, std::size_t index) {
  return index < lines.size() ? '`' + lines[index] + '`' : "nothing";
}

std::string difference(const TablePlan& wanted, const TablePlan& live, BackendKind backend) {
  if (wanted == live) return {};
  const std::vector<std::string> want = lines_of(wanted, backend);
  const std::vector<std::string> have = lines_of(live, backend);
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

bool is_of_other_family(const ForeignRule& rule, IpFamily wanted) {
  return (rule.family == Family::kIpv4 && wanted == IpFamily::kIpv6) ||
         (rule.family == Family::kIpv6 && wanted == IpFamily::kIpv4);
}

bool may_match(const ForeignRule& foreign, const std::vector<PortRange>& ports) {
  const Rule& rule = foreign.rule;
  if (!foreign.may_match_tcp) return false;
  if (rule.in && !rule.in->is_inverted && rule.in->name == "lo") return false;
  const std::vector<PortRange> theirs = destination_ports_of(rule);
  if (theirs.empty()) return true;
  return std::ranges::any_of(ports, [&theirs](const PortRange& ours) {
    return std::ranges::any_of(
        theirs, [&ours](const PortRange& range) { return ours.first <= range.last && range.first <= ours.last; });
  });
}

std::string place(Family family, Table table) {
  if (family == Family::kInet) return "table inet sidelock, " + std::string{name_of(table)};
  return std::string{name_of(family)} + " table " + std::string{name_of(table)};
}

}  // namespace

std::string difference(const Plan& wanted, const Plan& live) {
  for (const FamilyPlan& family : wanted.families) {
    for (const TablePlan& table : family.tables) {
      const std::string text = difference(table, table_in(live, family.family, table.table), wanted.backend);
      if (!text.empty()) return place(family.family, table.table) + ": " + text;
    }
  }
  return {};
}

bool comes_first(const ForeignRule& rule, bool is_redirecting) {
  return rule.is_before_ours || (rule.is_before_nat && is_redirecting);
}

std::string obstacle(const Foreign& foreign, const CaptureSettings& settings) {
  for (const ForeignRule& rule : foreign.rules) {
    if (is_of_other_family(rule, settings.ip_family) || !rule.is_terminal || !may_match(rule, settings.ports)) continue;
    if (!comes_first(rule, settings.mode == CaptureMode::kRedirect)) continue;
    if (rule.is_untracking && settings.mode == CaptureMode::kTproxy) continue;  // it needs no tracking
    return rule.place + ": the foreign rule `" + rule.text +
           "` stands before ours and can take captured ports from them";
  }
  return {};
}

std::string side_door(const Foreign& foreign, const CaptureSettings& settings) {
  const std::vector<PortRange> open = without({{1, 65535}}, settings.ports);
  for (const ForeignRule& rule : foreign.redirections) {
    const bool is_into_ours = contains(settings.ports, rule.rule.to_port);
    if (!is_into_ours || is_of_other_family(rule, settings.ip_family) || !may_match(rule, open)) continue;
    return fmt::format(
        "{}: the foreign rule `{}` leads clients of ports that are not captured to port {}, in plain text", rule.place,
        rule.text, rule.rule.to_port);
  }
  return {};
}

}  // namespace sidelock
