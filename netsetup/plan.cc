// See plan.h. nat redirects each captured port to its own capture port; mangle drops what conntrack calls INVALID,
// because such a segment is not translated back and the stack would answer it with a reset of the good connection.
#include "netsetup/plan.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <utility>

#include "config/capture_contract.h"

namespace sidelock {

namespace {

// Up to here a list of rules is as fast as anything; beyond, a packet would be compared with each of them, so the ports
// go to chains that it enters by range.
constexpr std::size_t kPortsInOneChain = 16;
constexpr std::size_t kPortsInRangeChain = 32;

constexpr const char* kEntryChain = "SIDELOCK_IN";
constexpr const char* kCaptureComment = "sidelock:1 capture";
constexpr const char* kProbeComment = "sidelock:1 probe";

// "+" alone means every interface, which iptables says by naming none; connections over lo are never captured.
std::vector<InterfaceMatch> captured_interfaces(const CaptureSettings& settings) {
  std::vector<InterfaceMatch> interfaces;
  for (const std::string& name : settings.interfaces) {
    if (name == "+") return {{"lo", true}};
    interfaces.push_back({name, false});
  }
  return interfaces.empty() ? std::vector<InterfaceMatch>{{"lo", true}} : interfaces;
}

std::vector<Hook> entry_hooks(const CaptureSettings& settings) {
  std::vector<Hook> hooks;
  for (const InterfaceMatch& interface : captured_interfaces(settings)) {
    Rule rule;
    rule.in = interface;
    rule.is_tcp = true;
    rule.comment = kCaptureComment;
    rule.target = kEntryChain;
    hooks.push_back({"PREROUTING", true, std::move(rule)});
  }
  return hooks;
}

// Excluded interfaces and sources leave before anything else is looked at, in both tables: they are not our business.
std::vector<Rule> exclusions(const CaptureSettings& settings, Family family) {
  std::vector<Rule> rules;
  for (const std::string& name : settings.exclude_interfaces) {
    Rule rule;
    if (name != "+") rule.in = InterfaceMatch{name, false};
    rule.target = kReturn;
    rules.push_back(std::move(rule));
  }
  for (const Cidr& source : settings.exclude_sources) {
    if (source.network.family() != address_family(family)) continue;
    Rule rule;
    if (source.prefix > 0) rule.source = source;
    rule.target = kReturn;
    rules.push_back(std::move(rule));
  }
  return rules;
}

// Only for addresses of the pod: a packet that is merely routed through it must not be answered by the proxy.
Rule redirect(std::uint16_t port, std::size_t capture_port) {
  Rule rule;
  rule.is_tcp = true;
  rule.destination_ports = PortRange{port, port};
  rule.is_destination_local = true;
  rule.target = kRedirect;
  rule.to_port = static_cast<std::uint16_t>(capture_port);
  return rule;
}

Rule jump_by_range(const PortRange& ports, const std::string& chain) {
  Rule rule;
  rule.is_tcp = true;
  rule.destination_ports = ports;
  rule.target = chain;
  return rule;
}

void add_redirects(TablePlan& nat, Chain entry, const CaptureSettings& settings) {
  const std::vector<std::uint16_t> ports = expand(settings.ports);
  const auto rule_at = [&](std::size_t index) { return redirect(ports[index], settings.capture_port_base + index); };
  if (ports.size() <= kPortsInOneChain) {
    for (std::size_t i = 0; i < ports.size(); ++i) entry.rules.push_back(rule_at(i));
    nat.chains.push_back(std::move(entry));
    return;
  }
  for (std::size_t begin = 0; begin < ports.size(); begin += kPortsInRangeChain) {
    const std::size_t end = std::min(begin + kPortsInRangeChain, ports.size());
    Chain chain{"SIDELOCK_P" + std::to_string(begin / kPortsInRangeChain + 1), {}};
    for (std::size_t i = begin; i < end; ++i) chain.rules.push_back(rule_at(i));
    entry.rules.push_back(jump_by_range({ports[begin], ports[end - 1]}, chain.name));
    nat.chains.push_back(std::move(chain));
  }
  nat.chains.push_back(std::move(entry));
  std::ranges::sort(nat.chains, {}, &Chain::name);
}

// `run` connects to this port over lo; only rules made from the same settings lead it to the first capture port. In
// front, because an ACCEPT of somebody else's before it would make `run` believe that nothing is captured.
Hook probe_hook(const CaptureSettings& settings) {
  const std::uint16_t port = probe_port(settings);
  Rule rule;
  rule.out = InterfaceMatch{"lo", false};
  rule.is_tcp = true;
  rule.destination_ports = PortRange{port, port};
  rule.comment = kProbeComment;
  rule.target = kRedirect;
  rule.to_port = settings.capture_port_base;
  return {"OUTPUT", true, std::move(rule)};
}

TablePlan nat_plan(const CaptureSettings& settings, Family family) {
  TablePlan nat{Table::kNat, entry_hooks(settings), {}};
  nat.hooks.push_back(probe_hook(settings));
  add_redirects(nat, Chain{kEntryChain, exclusions(settings, family)}, settings);
  return nat;
}

TablePlan mangle_plan(const CaptureSettings& settings, Family family) {
  TablePlan mangle{Table::kMangle, {}, {}};
  if (!settings.drop_invalid) return mangle;
  mangle.hooks = entry_hooks(settings);
  // Unlike nat, mangle sees every packet and not only the first of a connection: all others must pass by the ports.
  for (Hook& hook : mangle.hooks) hook.rule.is_state_invalid = true;
  Chain entry{kEntryChain, exclusions(settings, family)};
  for (const PortRange& ports : settings.ports) {
    Rule rule = jump_by_range(ports, std::string{kDrop});
    rule.is_state_invalid = true;
    entry.rules.push_back(std::move(rule));
  }
  mangle.chains.push_back(std::move(entry));
  return mangle;
}

Need need_of(Family family, IpFamily wanted) {
  const bool is_ipv4 = family == Family::kIpv4;
  if (wanted == (is_ipv4 ? IpFamily::kIpv6 : IpFamily::kIpv4)) return Need::kUnwanted;
  return wanted == IpFamily::kAuto && !is_ipv4 ? Need::kIfPresent : Need::kRequired;
}

FamilyPlan nothing_in(Family family) {
  return {family, Need::kUnwanted, {TablePlan{Table::kMangle, {}, {}}, TablePlan{Table::kNat, {}, {}}}};
}

// The built-in chains of a table, in the kernel's order.
std::vector<std::string_view> builtin_chains(Table table) {
  if (table == Table::kNat) return {"PREROUTING", "INPUT", "OUTPUT", "POSTROUTING"};
  return {"PREROUTING", "INPUT", "FORWARD", "OUTPUT", "POSTROUTING"};
}

std::string table_text(const TablePlan& table) {
  std::string text = '*' + std::string{name_of(table.table)} + '\n';
  for (const std::string_view name : builtin_chains(table.table))
    text.append(":").append(name).append(" ACCEPT [0:0]\n");
  for (const Chain& chain : table.chains) text += ':' + chain.name + " - [0:0]\n";
  for (const Hook& hook : table.hooks) text += to_text(hook.rule, hook.chain) + '\n';
  for (const Chain& chain : table.chains) {
    for (const Rule& rule : chain.rules) text += to_text(rule, chain.name) + '\n';
  }
  return text + "COMMIT\n";
}

}  // namespace

Plan make_plan(const CaptureSettings& settings) {
  Plan plan;
  for (const Family family : {Family::kIpv4, Family::kIpv6}) {
    FamilyPlan wanted = nothing_in(family);
    wanted.need = need_of(family, settings.ip_family);
    // mangle first: its rules do nothing by themselves, and once nat translates, INVALID segments are dropped already.
    if (wanted.need != Need::kUnwanted) wanted.tables = {mangle_plan(settings, family), nat_plan(settings, family)};
    plan.families.push_back(std::move(wanted));
  }
  return plan;
}

Plan empty_plan() { return {{nothing_in(Family::kIpv4), nothing_in(Family::kIpv6)}}; }

std::string to_text(const Plan& plan) {
  std::string text;
  for (const FamilyPlan& family : plan.families) {
    if (family.need == Need::kUnwanted) continue;
    text += family.family == Family::kIpv4 ? "# IPv4 (iptables-restore)\n" : "# IPv6 (ip6tables-restore)\n";
    // iptables-save begins with the table that came last.
    for (auto table = family.tables.rbegin(); table != family.tables.rend(); ++table) {
      if (!table->is_empty()) text += table_text(*table);
    }
  }
  return text;
}

}  // namespace sidelock
