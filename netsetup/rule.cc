// See rule.h. The order of the parts is that of iptables-save, so that live state and plan can be compared as text.
#include "netsetup/rule.h"

#include <fmt/format.h>

namespace sidelock {

namespace {

std::string interface_text(const char* flag, const InterfaceMatch& match) {
  if (match.name.empty()) return {};
  return fmt::format(" {}{} {}", match.is_inverted ? "! " : "", flag, match.name);
}

std::string action_text(const Rule& rule) {
  switch (rule.action) {
    case Action::kReturn:
      return " -j RETURN";
    case Action::kDrop:
      return " -j DROP";
    case Action::kJump:
      return " -j " + rule.chain;
    case Action::kRedirect:
      break;
  }
  return fmt::format(" -j REDIRECT --to-ports {}", rule.redirect_port);
}

const std::vector<std::string>& built_in_chains(Table table) {
  static const std::vector<std::string> nat{"PREROUTING", "INPUT", "OUTPUT", "POSTROUTING"};
  static const std::vector<std::string> mangle{"PREROUTING", "INPUT", "FORWARD", "OUTPUT", "POSTROUTING"};
  return table == Table::kNat ? nat : mangle;
}

}  // namespace

std::string name(Table table) { return table == Table::kNat ? "nat" : "mangle"; }

std::string name(Family family) { return family == Family::kIpv4 ? "IPv4" : "IPv6"; }

bool is_ours(const Rule& rule) {
  return rule.comment.starts_with(kCommentPrefix) || (rule.action == Action::kJump && rule.chain.starts_with(kChainPrefix));
}

std::string to_text(const std::string& chain, const Rule& rule) {
  std::string text = "-A " + chain;
  if (rule.source) text += " -s " + rule.source->to_string();
  text += interface_text("-i", rule.in) + interface_text("-o", rule.out);
  if (rule.is_tcp) text += " -p tcp";
  if (rule.destination_ports) {
    const auto [first, last] = *rule.destination_ports;
    text += first == last ? fmt::format(" -m tcp --dport {}", first) : fmt::format(" -m tcp --dport {}:{}", first, last);
  }
  if (rule.is_destination_local) text += " -m addrtype --dst-type LOCAL";
  if (rule.is_invalid) text += " -m conntrack --ctstate INVALID";
  if (!rule.comment.empty()) text += fmt::format(" -m comment --comment \"{}\"", rule.comment);
  return text + action_text(rule);
}

std::string to_text(const TablePlan& table) {
  std::string text = '*' + name(table.table) + '\n';
  for (const std::string& chain : built_in_chains(table.table)) text += ':' + chain + " ACCEPT [0:0]\n";
  for (const Chain& chain : table.own) text += ':' + chain.name + " - [0:0]\n";
  for (const std::string& built_in : built_in_chains(table.table)) {
    for (const Chain& chain : table.built_in) {
      if (chain.name != built_in) continue;
      for (const Rule& rule : chain.rules) text += to_text(chain.name, rule) + '\n';
    }
  }
  for (const Chain& chain : table.own) {
    for (const Rule& rule : chain.rules) text += to_text(chain.name, rule) + '\n';
  }
  return text + "COMMIT\n";
}

}  // namespace sidelock
