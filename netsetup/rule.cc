// See rule.h. The order of the words is the one in which iptables prints them, so that texts can be compared.
#include "netsetup/rule.h"

#include <algorithm>
#include <array>

#include <sys/socket.h>

namespace sidelock {

namespace {

void add_interface(std::string& text, std::string_view option, const std::optional<InterfaceMatch>& interface) {
  if (!interface) return;
  text.append(interface->is_inverted ? " ! " : " ").append(option).append(" ").append(interface->name);
}

std::string ports_text(const PortRange& ports) {
  const std::string first = std::to_string(ports.first);
  return ports.first == ports.last ? first : first + ':' + std::to_string(ports.last);
}

// The characters that iptables escapes inside quotes.
std::string in_quotes(std::string_view comment) {
  std::string text = "\"";
  for (const char c : comment) {
    if (c == '"' || c == '\\' || c == '\'') text += '\\';
    text += c;
  }
  return text + '"';
}

}  // namespace

std::string_view name_of(BackendKind kind) { return kind == BackendKind::kIptables ? "iptables" : "nftables"; }

std::string_view name_of(Family family) {
  switch (family) {
    case Family::kIpv4: return "IPv4";
    case Family::kIpv6: return "IPv6";
    case Family::kInet: break;
  }
  return "inet";
}

std::string_view name_of(Table table) {
  switch (table) {
    case Table::kFilter: return "filter";
    case Table::kMangle: return "mangle";
    case Table::kRaw: return "raw";
    case Table::kNat: break;
  }
  return "nat";
}

int address_family(Family family) { return family == Family::kIpv4 ? AF_INET : AF_INET6; }

std::string to_text(const Rule& rule, std::string_view chain, Family family) {
  std::string text = "-A ";
  text += chain;
  if (rule.source) text += " -s " + rule.source->network.to_string() + '/' + std::to_string(rule.source->prefix);
  add_interface(text, "-i", rule.in);
  add_interface(text, "-o", rule.out);
  if (rule.is_tcp) text += " -p tcp";
  if (rule.destination_ports) text += " -m tcp --dport " + ports_text(*rule.destination_ports);
  if (rule.is_destination_local) text += " -m addrtype --dst-type LOCAL";
  if (rule.is_state_invalid) text += " -m conntrack --ctstate INVALID";
  if (rule.is_not_translated) text += " -m conntrack ! --ctstate DNAT";
  if (!rule.comment.empty()) text += " -m comment --comment " + in_quotes(rule.comment);
  if (rule.has_more) text += " ...";
  if (!rule.target.empty()) text += " -j " + rule.target;
  if (rule.target == kReject) text += " --reject-with tcp-reset";
  if (rule.target == kRedirect) text += " --to-ports " + std::to_string(rule.to_port);
  if (rule.target == kTproxy) {
    text += " --on-port " + std::to_string(rule.to_port) +
            (family == Family::kIpv6 ? " --on-ip ::" : " --on-ip 0.0.0.0") + " --tproxy-mark 0x0/0x0";
  }
  return text;
}

bool passes_on(std::string_view target) {
  static constexpr std::array<std::string_view, 21> kPassing{
      "",        "AUDIT",   "CHECKSUM",  "CLASSIFY", "CONNMARK",    "CONNSECMARK", "DSCP",
      "HL",      "HMARK",   "IDLETIMER", "LED",      "LOG",         "MARK",        "NFLOG",
      "RATEEST", "SECMARK", "TCPMSS",    "TOS",      "TCPOPTSTRIP", "TRACE",       "TTL"};
  return std::ranges::find(kPassing, target) != kPassing.end();
}

std::vector<PortRange> destination_ports_of(const Rule& rule) {
  if (rule.destination_ports) return {*rule.destination_ports};
  return rule.destination_port_set;
}

bool is_our_chain(std::string_view chain) { return chain.starts_with(kChainPrefix); }

bool is_ours(const Rule& rule) { return rule.comment.starts_with(kCommentPrefix) || is_our_chain(rule.target); }

}  // namespace sidelock
