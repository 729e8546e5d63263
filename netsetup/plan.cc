// See plan.h. Under redirect nat leads each captured port to its own capture port, and mangle drops what conntrack
// calls INVALID, because such a segment is not translated back and the stack would answer it with a reset of the good
// connection. Under tproxy mangle alone leads all captured ports to the first capture port.
#include "netsetup/plan.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <iterator>
#include <optional>
#include <utility>

#include "config/capture_contract.h"

namespace sidelock {

namespace {

// Up to here a list of rules is as fast as anything; beyond, a packet would be compared with each of them, so the ports
// go to chains that it enters by range.
constexpr std::size_t kRulesInOneChain = 16;
constexpr std::size_t kRulesInRangeChain = 32;

constexpr const char* kCaptureComment = "sidelock:1 capture";
constexpr const char* kProbeComment = "sidelock:1 probe";
constexpr const char* kHideComment = "sidelock:1 hide";

// "+" alone means every interface, which iptables says by naming none; connections over lo are never captured.
std::vector<InterfaceMatch> captured_interfaces(const CaptureSettings& settings) {
  std::vector<InterfaceMatch> interfaces;
  for (const std::string& name : settings.interfaces) {
    if (name == "+") return {{"lo", true}};
    interfaces.push_back({name, false});
  }
  return interfaces.empty() ? std::vector<InterfaceMatch>{{"lo", true}} : interfaces;
}

// What decides the shape of one table's rules.
struct Shape {
  const CaptureSettings& settings;
  BackendKind backend;
  Family family;
};

// iptables' chains are marked as ours by their name; with nftables the table is, and it holds the chains of all tables.
std::string entry_chain(const Shape& shape, Table table) {
  return shape.backend == BackendKind::kIptables ? "SIDELOCK_IN" : std::string{name_of(table)} + "_in";
}

bool is_wanted(Family family, IpFamily wanted) {
  return wanted != (family == Family::kIpv4 ? IpFamily::kIpv6 : IpFamily::kIpv4);
}

// In a table of both families a rule for one of them must say so.
std::optional<Family> only_family(const Shape& shape) {
  if (shape.family != Family::kInet) return std::nullopt;
  if (!is_wanted(Family::kIpv6, shape.settings.ip_family)) return Family::kIpv4;
  if (!is_wanted(Family::kIpv4, shape.settings.ip_family)) return Family::kIpv6;
  return std::nullopt;
}

std::vector<Hook> entry_hooks(const Shape& shape, Table table) {
  std::vector<Hook> hooks;
  for (const InterfaceMatch& interface : captured_interfaces(shape.settings)) {
    Rule rule;
    rule.family = only_family(shape);
    rule.in = interface;
    rule.is_tcp = true;
    rule.comment = kCaptureComment;
    rule.target = entry_chain(shape, table);
    hooks.push_back({"PREROUTING", true, std::move(rule)});
  }
  return hooks;
}

Rule exclusion_of_interface(const std::string& name) {
  Rule rule;
  if (name != "+") rule.in = InterfaceMatch{name, false};
  rule.target = kReturn;
  return rule;
}

Rule exclusion_of_source(const Shape& shape, const Cidr& source, Family family) {
  Rule rule;
  if (source.prefix > 0) {
    rule.source = source;
  } else if (shape.family == Family::kInet) {
    rule.family = family;
  }
  rule.target = kReturn;
  return rule;
}

// Excluded interfaces and sources leave before anything else is looked at, in every table: they are not our business.
Chain chain_with_exclusions(const Shape& shape, Table table) {
  Chain chain{entry_chain(shape, table), {}};
  for (const std::string& name : shape.settings.exclude_interfaces) chain.rules.push_back(exclusion_of_interface(name));
  for (const Cidr& source : shape.settings.exclude_sources) {
    const Family family = source.network.is_ipv4() ? Family::kIpv4 : Family::kIpv6;
    const bool is_ours =
        shape.family == Family::kInet ? is_wanted(family, shape.settings.ip_family) : family == shape.family;
    if (is_ours) chain.rules.push_back(exclusion_of_source(shape, source, family));
  }
  return chain;
}

Rule for_ports(const PortRange& ports, std::string_view target) {
  Rule rule;
  rule.is_tcp = true;
  rule.destination_ports = ports;
  rule.target = target;
  return rule;
}

// nftables only: one rule for any number of ports.
Rule for_all_ports(const std::vector<PortRange>& ports, std::string_view target) {
  Rule rule;
  rule.is_tcp = true;
  if (ports.size() == 1) {
    rule.destination_ports = ports.front();
  } else {
    rule.destination_port_set = ports;
  }
  rule.target = target;
  return rule;
}

// Only for addresses of the pod: a packet that is merely routed through it must not be answered by the proxy.
Rule capture(Rule rule, std::size_t capture_port) {
  rule.is_destination_local = true;
  rule.to_port = static_cast<std::uint16_t>(capture_port);
  return rule;
}

// A rule for each port, or for each range where all ports share a capture port.
std::vector<Rule> capture_rules(const CaptureSettings& settings, std::string_view target) {
  std::vector<Rule> rules;
  if (count_capture_ports(settings) == 1) {
    for (const PortRange& range : settings.ports)
      rules.push_back(capture(for_ports(range, target), settings.capture_port_base));
    return rules;
  }
  const std::vector<std::uint16_t> ports = expand(settings.ports);
  for (std::size_t i = 0; i < ports.size(); ++i)
    rules.push_back(capture(for_ports({ports[i], ports[i]}, target), settings.capture_port_base + i));
  return rules;
}

void add_range_chains(TablePlan& table, Chain& entry, const std::vector<Rule>& rules) {
  for (std::size_t begin = 0; begin < rules.size(); begin += kRulesInRangeChain) {
    const std::size_t end = std::min(begin + kRulesInRangeChain, rules.size());
    Chain chain{"SIDELOCK_P" + std::to_string(begin / kRulesInRangeChain + 1), {}};
    for (std::size_t i = begin; i < end; ++i) chain.rules.push_back(rules[i]);
    const PortRange range{rules[begin].destination_ports->first, rules[end - 1].destination_ports->last};
    entry.rules.push_back(for_ports(range, chain.name));
    table.chains.push_back(std::move(chain));
  }
}

// The chain that captures: exclusions, then the ports.
void add_captures(TablePlan& table, const Shape& shape, std::string_view target) {
  const CaptureSettings& settings = shape.settings;
  Chain entry = chain_with_exclusions(shape, table.table);
  const std::vector<Rule> rules = capture_rules(settings, target);
  if (rules.size() <= kRulesInOneChain) {
    std::ranges::copy(rules, std::back_inserter(entry.rules));
  } else if (shape.backend == BackendKind::kIptables) {
    add_range_chains(table, entry, rules);
  } else {
    entry.rules.push_back(capture(for_all_ports(settings.ports, target), settings.capture_port_base));
    entry.rules.back().is_one_port_each = count_capture_ports(settings) > 1;
  }
  // nft's tproxy lets pass what it finds no listener for, and that is plain text for the app; iptables' drops it.
  if (target == kTproxy && shape.backend == BackendKind::kNftables) {
    entry.rules.push_back(for_all_ports(settings.ports, kDrop));
    entry.rules.back().is_destination_local = true;
  }
  table.chains.push_back(std::move(entry));
  std::ranges::sort(table.chains, {}, &Chain::name);
}

// `run` connects to this port over lo; only rules made from the same settings lead it to the first capture port. In
// front, because an ACCEPT of somebody else's before it would make `run` believe that nothing is captured.
Hook probe_hook(const Shape& shape) {
  const bool is_tproxy = shape.settings.mode == CaptureMode::kTproxy;
  const std::uint16_t port = probe_port(shape.settings);
  Rule rule = for_ports({port, port}, is_tproxy ? kTproxy : kRedirect);
  rule.family = only_family(shape);
  (is_tproxy ? rule.in : rule.out) = InterfaceMatch{"lo", false};
  rule.comment = kProbeComment;
  rule.to_port = shape.settings.capture_port_base;
  return {is_tproxy ? "PREROUTING" : "OUTPUT", true, std::move(rule)};
}

TablePlan nat_plan(const Shape& shape) {
  TablePlan nat{Table::kNat, {}, {}, {}};
  if (shape.settings.mode != CaptureMode::kRedirect) return nat;
  nat.hooks = entry_hooks(shape, Table::kNat);
  nat.hooks.push_back(probe_hook(shape));
  add_captures(nat, shape, kRedirect);
  return nat;
}

void add_drops_of_invalid(TablePlan& mangle, const Shape& shape) {
  mangle.hooks = entry_hooks(shape, Table::kMangle);
  // Unlike nat, mangle sees every packet and not only the first of a connection: all others must pass by the ports.
  for (Hook& hook : mangle.hooks) hook.rule.is_state_invalid = true;
  Chain entry = chain_with_exclusions(shape, Table::kMangle);
  const std::size_t first = entry.rules.size();
  if (shape.backend == BackendKind::kNftables) {
    entry.rules.push_back(for_all_ports(shape.settings.ports, kDrop));
  } else {
    for (const PortRange& ports : shape.settings.ports) entry.rules.push_back(for_ports(ports, kDrop));
  }
  for (std::size_t i = first; i < entry.rules.size(); ++i) entry.rules[i].is_state_invalid = true;
  mangle.chains.push_back(std::move(entry));
}

// TPROXY takes every packet, not only the first: under SYN cookies the one that completes a handshake belongs to no
// socket yet, and would reach the app. Nothing here asks connection tracking, so that it is not even started.
TablePlan mangle_plan(const Shape& shape) {
  TablePlan mangle{Table::kMangle, {}, {}, {}};
  if (shape.settings.mode == CaptureMode::kTproxy) {
    mangle.hooks = entry_hooks(shape, Table::kMangle);
    mangle.hooks.insert(mangle.hooks.begin(), probe_hook(shape));
    add_captures(mangle, shape, kTproxy);
  } else if (shape.settings.drop_invalid) {
    add_drops_of_invalid(mangle, shape);
  }
  return mangle;
}

// Whoever connects to a capture port itself. A captured connection arrives there only by the kernel's translation, and
// under TPROXY keeps the port that it was made to.
TablePlan filter_plan(const Shape& shape) {
  const CaptureSettings& settings = shape.settings;
  TablePlan filter{Table::kFilter, {}, {}, {}};
  if (!settings.hide_capture_ports) return filter;
  const std::size_t last = settings.capture_port_base + count_capture_ports(settings) - 1;
  Rule rule = for_ports({settings.capture_port_base, static_cast<std::uint16_t>(last)}, kReject);
  rule.family = only_family(shape);
  rule.in = InterfaceMatch{"lo", true};
  rule.is_not_translated = settings.mode == CaptureMode::kRedirect;
  rule.comment = kHideComment;
  filter.hooks.push_back({"INPUT", true, std::move(rule)});
  return filter;
}

FamilyPlan nothing_in(Family family) {
  FamilyPlan plan{family, {}};
  for (const Table table : {Table::kFilter, Table::kMangle, Table::kNat}) plan.tables.push_back({table, {}, {}, {}});
  return plan;
}

std::vector<Family> families_of(BackendKind backend) {
  if (backend == BackendKind::kNftables) return {Family::kInet};
  return {Family::kIpv4, Family::kIpv6};
}

// The built-in chains of a table, in the kernel's order.
std::vector<std::string_view> builtin_chains(Table table) {
  if (table == Table::kFilter) return {"INPUT", "FORWARD", "OUTPUT"};
  if (table == Table::kNat) return {"PREROUTING", "INPUT", "OUTPUT", "POSTROUTING"};
  return {"PREROUTING", "INPUT", "FORWARD", "OUTPUT", "POSTROUTING"};
}

std::string table_text(const TablePlan& table, Family family) {
  std::string text = '*' + std::string{name_of(table.table)} + '\n';
  for (const std::string_view name : builtin_chains(table.table))
    text.append(":").append(name).append(" ACCEPT [0:0]\n");
  for (const Chain& chain : table.chains) text += ':' + chain.name + " - [0:0]\n";
  for (const Hook& hook : table.hooks) text += to_text(hook.rule, hook.chain, family) + '\n';
  for (const Chain& chain : table.chains) {
    for (const Rule& rule : chain.rules) text += to_text(rule, chain.name, family) + '\n';
  }
  return text + "COMMIT\n";
}

}  // namespace

Plan make_plan(const CaptureSettings& settings, BackendKind backend) {
  Plan plan{backend, {}};
  for (const Family family : families_of(backend)) {
    FamilyPlan wanted = nothing_in(family);
    const Shape shape{settings, backend, family};
    // The table that captures comes last, and with it the probe rule, so that the proof means that all is there. Then
    // INVALID segments are dropped from the first translated connection on.
    if (family == Family::kInet || is_wanted(family, settings.ip_family))
      wanted.tables = {filter_plan(shape), mangle_plan(shape), nat_plan(shape)};
    plan.families.push_back(std::move(wanted));
  }
  return plan;
}

Plan empty_plan(BackendKind backend) {
  Plan plan{backend, {}};
  for (const Family family : families_of(backend)) plan.families.push_back(nothing_in(family));
  return plan;
}

std::string to_text(const Plan& plan) {
  std::string text;
  for (const FamilyPlan& family : plan.families) {
    if (family.is_empty()) continue;
    text += family.family == Family::kIpv4 ? "# IPv4 (iptables-restore)\n" : "# IPv6 (ip6tables-restore)\n";
    // iptables-save begins with the table that came last.
    for (auto table = family.tables.rbegin(); table != family.tables.rend(); ++table) {
      if (!table->is_empty()) text += table_text(*table, family.family);
    }
  }
  return text;
}

}  // namespace sidelock
