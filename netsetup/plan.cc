// See plan.h. Each rule's reason stands where it is made.
#include "netsetup/plan.h"

#include <algorithm>

#include <fmt/format.h>

#include "config/capture_contract.h"

namespace sidelock {

namespace {

// Up to here a rule for each port is as fast as anything; beyond, chains entered by a port range keep the number of
// rules that a new connection passes small.
constexpr std::size_t kMostRulesInOneChain = 16;
constexpr std::size_t kRulesInRangeChain = 32;

const std::string kEntryChain = "SIDELOCK_IN";
const std::string kJumpComment = "sidelock:1";
const std::string kProbeComment = "sidelock:1 probe";

PortRange ports_of(const std::vector<Rule>& rules) {
  return {rules.front().destination_ports->first, rules.back().destination_ports->last};
}

// What must not be captured leaves the chain before anything else is looked at.
std::vector<Rule> exceptions(const CaptureSettings& settings, Family family) {
  std::vector<Rule> rules;
  for (const std::string& interface : settings.exclude_interfaces) {
    Rule rule;
    rule.in = {interface, false};
    rules.push_back(rule);
  }
  for (const Cidr& source : settings.exclude_sources) {
    if (source.network.is_ipv4() != (family == Family::kIpv4)) continue;
    Rule rule;
    // A whole-world source is no match at all to the kernel, and is written as none.
    if (source.prefix > 0) rule.source = source;
    rules.push_back(rule);
  }
  return rules;
}

// Jumps stand in PREROUTING: only what comes from outside passes there; lo is left out by name.
Chain jumps(const CaptureSettings& settings) {
  Chain prerouting{"PREROUTING", {}};
  Rule jump;
  jump.is_tcp = true;
  jump.comment = kJumpComment;
  jump.action = Action::kJump;
  jump.chain = kEntryChain;
  if (settings.interfaces.empty()) {
    jump.in = {"lo", true};
    prerouting.rules.push_back(jump);
  }
  for (const std::string& interface : settings.interfaces) {
    jump.in = {interface, false};
    prerouting.rules.push_back(jump);
  }
  return prerouting;
}

// Puts port rules (ascending) behind the exceptions: directly, or in chains of their own entered by range.
std::vector<Chain> chains_for(std::vector<Rule> entry, const std::vector<Rule>& by_port) {
  std::vector<Chain> chains{{kEntryChain, std::move(entry)}};
  if (by_port.size() <= kMostRulesInOneChain) {
    chains.front().rules.insert(chains.front().rules.end(), by_port.begin(), by_port.end());
    return chains;
  }
  for (std::size_t begin = 0; begin < by_port.size(); begin += kRulesInRangeChain) {
    const std::size_t end = std::min(begin + kRulesInRangeChain, by_port.size());
    const auto at = [&](std::size_t index) { return by_port.begin() + static_cast<std::ptrdiff_t>(index); };
    Chain chain{fmt::format("SIDELOCK_P{:03}", begin / kRulesInRangeChain), {at(begin), at(end)}};
    Rule jump;
    jump.is_tcp = true;
    jump.destination_ports = ports_of(chain.rules);
    jump.action = Action::kJump;
    jump.chain = chain.name;
    chains.front().rules.push_back(jump);
    chains.push_back(std::move(chain));
  }
  return chains;
}

TablePlan nat_table(const CaptureSettings& settings, Family family) {
  TablePlan table{family, Table::kNat, {}, {}};
  std::vector<Rule> redirects;
  const std::vector<std::uint16_t> ports = expand(settings.ports);
  for (std::size_t i = 0; i < ports.size(); ++i) {
    Rule rule;
    rule.is_tcp = true;
    rule.destination_ports = PortRange{ports[i], ports[i]};
    // Without this a packet routed through the pod to somebody else would be captured too: an open relay.
    rule.is_destination_local = true;
    rule.action = Action::kRedirect;
    // A capture port for each app port: with a shared one, a client that uses one source port towards two app ports
    // would look like one connection, and the kernel would change its source port.
    rule.redirect_port = static_cast<std::uint16_t>(settings.capture_port_base + i);
    redirects.push_back(rule);
  }
  table.own = chains_for(exceptions(settings, family), redirects);

  // run proves by a connection over lo that the kernel redirects, with rules made from the same settings as its own.
  Rule probe;
  probe.out = {"lo", false};
  probe.is_tcp = true;
  const std::uint16_t port = probe_port(settings);
  probe.destination_ports = PortRange{port, port};
  probe.comment = kProbeComment;
  probe.action = Action::kRedirect;
  probe.redirect_port = settings.capture_port_base;
  table.built_in = {jumps(settings), {"OUTPUT", {probe}}};
  return table;
}

TablePlan mangle_table(const CaptureSettings& settings, Family family) {
  TablePlan table{family, Table::kMangle, {}, {}};
  if (!settings.drop_invalid) return table;
  std::vector<Rule> drops;
  for (const PortRange& range : settings.ports) {
    Rule rule;
    rule.is_tcp = true;
    rule.destination_ports = range;
    // A segment that connection tracking finds invalid is not translated, reaches the app's port itself, and the
    // stack's reset kills the client's good connection.
    rule.is_invalid = true;
    rule.action = Action::kDrop;
    drops.push_back(rule);
  }
  table.own = chains_for(exceptions(settings, family), drops);
  table.built_in = {jumps(settings)};
  return table;
}

bool is_wanted(IpFamily setting, Family family) {
  return family == Family::kIpv4 ? setting != IpFamily::kIpv6 : setting != IpFamily::kIpv4;
}

}  // namespace

Plan make_empty_plan() {
  Plan plan;
  for (const Table table : {Table::kMangle, Table::kNat}) {
    for (const Family family : {Family::kIpv4, Family::kIpv6}) plan.tables.push_back({family, table, {}, {}});
  }
  return plan;
}

Plan make_plan(const CaptureSettings& settings) {
  Plan plan = make_empty_plan();
  for (TablePlan& table : plan.tables) {
    if (!is_wanted(settings.ip_family, table.family)) continue;
    table = table.table == Table::kNat ? nat_table(settings, table.family) : mangle_table(settings, table.family);
  }
  return plan;
}

std::string to_text(const Plan& plan) {
  std::string text;
  for (const Family family : {Family::kIpv4, Family::kIpv6}) {
    const auto is_shown = [&](const TablePlan& table) { return table.family == family && !table.is_empty(); };
    if (std::ranges::none_of(plan.tables, is_shown)) continue;
    text += fmt::format("# {} ({})\n", name(family), family == Family::kIpv4 ? "iptables-restore" : "ip6tables-restore");
    // The latest table first, as iptables-save has it.
    for (auto table = plan.tables.rbegin(); table != plan.tables.rend(); ++table) {
      if (is_shown(*table)) text += to_text(*table);
    }
  }
  return text;
}

}  // namespace sidelock
