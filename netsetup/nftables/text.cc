// See text.h. The order of the words is the one of the expressions in the kernel, in which nft prints them.
#include "netsetup/nftables/text.h"

#include <utility>
#include <vector>

#include "config/capture_contract.h"
#include "netsetup/nftables/layout.h"

namespace sidelock::nftables {

namespace {

// nft's wildcard is a star where iptables' is a plus.
std::string interface_text(std::string_view key, const InterfaceMatch& interface) {
  std::string name = interface.name;
  if (name.ends_with('+')) name.back() = '*';
  return std::string{key} + (interface.is_inverted ? " != \"" : " \"") + name + "\" ";
}

std::string range_text(const PortRange& ports) {
  const std::string first = std::to_string(ports.first);
  return ports.first == ports.last ? first : first + '-' + std::to_string(ports.last);
}

std::string source_text(const Cidr& source) {
  const unsigned whole = source.network.is_ipv4() ? 32 : 128;
  std::string text = source.network.is_ipv4() ? "ip saddr " : "ip6 saddr ";
  text += source.network.to_string();
  return source.prefix == whole ? text + ' ' : text + '/' + std::to_string(source.prefix) + ' ';
}

template <class List, class Item>
std::string in_braces(const List& list, Item item) {
  std::string text;
  for (const auto& element : list) text += (text.empty() ? "{ " : ", ") + item(element);
  return text + " }";
}

std::string port_map_text(const Rule& rule) {
  unsigned next = rule.to_port;
  return in_braces(expand(destination_ports_of(rule)),
                   [&next](std::uint16_t port) { return std::to_string(port) + " : " + std::to_string(next++); });
}

}  // namespace

std::string match_text(const Rule& rule) {
  std::string text;
  if (rule.family) text += *rule.family == Family::kIpv4 ? "meta nfproto ipv4 " : "meta nfproto ipv6 ";
  if (rule.in) text += interface_text("iifname", *rule.in);
  if (rule.out) text += interface_text("oifname", *rule.out);
  if (rule.source) text += source_text(*rule.source);
  if (rule.destination_ports) {
    text += "tcp dport " + range_text(*rule.destination_ports) + ' ';
  } else if (!rule.destination_port_set.empty()) {
    text += "tcp dport " + in_braces(rule.destination_port_set, range_text) + ' ';
  } else if (rule.is_tcp) {
    text += "meta l4proto tcp ";
  }
  if (rule.is_state_invalid) text += "ct state invalid ";
  if (rule.is_not_translated) text += "ct status ! dnat ";
  if (rule.is_destination_local) text += "fib daddr type local ";
  return rule.has_more ? text + "... " : text;
}

namespace {

// Once a rule has said its family, nft wants to hear it here too.
std::string tproxy_family_text(const Rule& rule) {
  if (!rule.family) return {};
  return *rule.family == Family::kIpv4 ? "ip " : "ip6 ";
}

std::string statement_text(const Rule& rule) {
  if (rule.target == kReturn) return "return";
  if (rule.target == kDrop) return "drop";
  if (rule.target == kReject) return "reject with tcp reset";
  if (rule.target == kTproxy)
    return "tproxy " + tproxy_family_text(rule) + "to :" + std::to_string(rule.to_port) + " accept";
  if (rule.target == kRedirect) {
    return "redirect to :" +
           (rule.is_one_port_each ? "tcp dport map " + port_map_text(rule) : std::to_string(rule.to_port));
  }
  return "jump " + rule.target;
}

std::string chain_text(std::string_view name, const std::string& head, const std::vector<std::string>& rules) {
  std::string text = "\tchain " + std::string{name} + " {\n" + head;
  for (const std::string& rule : rules) text.append("\t\t").append(rule).append("\n");
  return text + "\t}\n";
}

std::string head_text(const BaseChain& base) {
  return std::string{"\t\ttype "} + base.type + " hook " + std::string{base.hook} + " priority " +
         std::string{base.priority_text} + "; policy accept;\n";
}

std::vector<std::string> chain_texts(const TablePlan& table) {
  std::vector<std::string> texts;
  for (const BaseChain& base : kBaseChains) {
    std::vector<std::string> rules;
    for (const Hook& hook : table.hooks) {
      if (base.table == table.table && base.builtin == hook.chain) rules.push_back(to_text(hook.rule));
    }
    if (!rules.empty()) texts.push_back(chain_text(base.name, head_text(base), rules));
  }
  for (const Chain& chain : table.chains) {
    std::vector<std::string> rules;
    for (const Rule& rule : chain.rules) rules.push_back(to_text(rule));
    texts.push_back(chain_text(chain.name, {}, rules));
  }
  return texts;
}

}  // namespace

std::string to_text(const Rule& rule) {
  std::string text = match_text(rule) + "counter packets 0 bytes 0 " + statement_text(rule);
  return rule.comment.empty() ? text : text + " comment \"" + rule.comment + '"';
}

std::string to_text(const Plan& plan) {
  std::string text = std::string{"table inet "} + kTableName + " {\n";
  bool is_first = true;
  for (const FamilyPlan& family : plan.families) {
    for (const TablePlan& table : family.tables) {
      for (const std::string& chain : chain_texts(table)) {
        if (!std::exchange(is_first, false)) text += '\n';
        text += chain;
      }
    }
  }
  return text + "}\n";
}

}  // namespace sidelock::nftables
