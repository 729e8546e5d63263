// See expressions.h. Reads what Rule has words for, and encodes it again: when that is not the same rule, it says more.
#include <algorithm>
#include <array>
#include <cstddef>
#include <cstring>
#include <optional>
#include <string_view>

#include <arpa/inet.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_conntrack_common.h>
#include <linux/netfilter/nf_nat.h>
#include <linux/netfilter/nf_tables.h>
#include <netinet/in.h>

extern "C" {
#include <libnftnl/udata.h>
}

#include "config/capture_contract.h"
#include "netsetup/nftables/expressions.h"

namespace sidelock::nftables {

namespace {

using RuleExpressions = std::unique_ptr<nftnl_expr_iter, Freed<nftnl_expr_iter_destroy>>;
using SetElements = std::unique_ptr<nftnl_set_elems_iter, Freed<nftnl_set_elems_iter_destroy>>;
using Bytes = std::basic_string_view<unsigned char>;

std::string_view name_of(const nftnl_expr* expression) { return nftnl_expr_get_str(expression, NFTNL_EXPR_NAME); }

std::uint32_t number_in(const nftnl_expr* expression, std::uint16_t attribute) {
  return nftnl_expr_is_set(expression, attribute) ? nftnl_expr_get_u32(expression, attribute) : 0;
}

Bytes bytes_in(const nftnl_expr* expression, std::uint16_t attribute) {
  std::uint32_t size = 0;
  const void* data = nftnl_expr_get(expression, attribute, &size);
  return data == nullptr ? Bytes{} : Bytes{static_cast<const unsigned char*>(data), size};
}

std::uint16_t port_in(Bytes bytes) {
  std::uint16_t port = 0;
  if (bytes.size() == sizeof port) std::memcpy(&port, bytes.data(), sizeof port);
  return ntohs(port);
}

// linux/netfilter/nf_nat.h: nf_nat_ipv4_multi_range_compat of iptables, the shorter one, or nf_nat_range of ip6tables.
std::uint16_t redirected_port(Bytes target) {
  constexpr std::size_t kInIpv4 = offsetof(nf_nat_ipv4_multi_range_compat, range) + offsetof(nf_nat_ipv4_range, min);
  constexpr std::size_t kInIpv6 = offsetof(nf_nat_range, min_proto);
  const std::size_t at = target.size() < sizeof(nf_nat_range) ? kInIpv4 : kInIpv6;
  return target.size() < at + 2 ? std::uint16_t{0} : port_in(target.substr(at, 2));
}

template <class Each>
void for_each_expression(const nftnl_rule* rule, Each each) {
  const auto all = owned<RuleExpressions>(nftnl_expr_iter_create(rule));
  while (const nftnl_expr* expression = nftnl_expr_iter_next(all.get())) each(expression);
}

// Everything that makes a rule, and nothing that changes by itself: equal texts are equal rules. What a set holds is
// compared by decode().
std::string identity(const nftnl_rule* rule) {
  std::string text;
  for_each_expression(rule, [&text](const nftnl_expr* expression) {
    text.append(name_of(expression)).append(" ");
    if (name_of(expression) == "lookup") {
      text += std::to_string(number_in(expression, NFTNL_EXPR_LOOKUP_FLAGS)) +
              (nftnl_expr_is_set(expression, NFTNL_EXPR_LOOKUP_DREG) ? " map" : " set");
    } else if (name_of(expression) != "counter") {
      std::array<char, 1024> line{};
      nftnl_expr_snprintf(line.data(), line.size(), expression, NFTNL_OUTPUT_DEFAULT, 0);
      text += line.data();
    }
    text += '\n';
  });
  return text;
}

std::string comment_of(const nftnl_rule* rule) {
  std::uint32_t size = 0;
  const void* data = nftnl_rule_get_data(rule, NFTNL_RULE_USERDATA, &size);
  std::string comment;
  const auto take = [](const nftnl_udata* attribute, void* into) {
    if (nftnl_udata_type(attribute) == NFTNL_UDATA_RULE_COMMENT) {
      const auto* text = static_cast<const char*>(nftnl_udata_get(attribute));
      static_cast<std::string*>(into)->assign(text, ::strnlen(text, nftnl_udata_len(attribute)));
    }
    return 0;
  };
  if (data != nullptr) nftnl_udata_parse(data, size, take, &comment);
  return comment;
}

// Follows the values through the first register, the only one that our rules use.
class Reader {
 public:
  explicit Reader(const std::map<std::string, PortSet>& sets) : sets_{sets} {}

  void read(const nftnl_expr* expression) {
    const std::string_view name = name_of(expression);
    if (name == "meta") {
      load({Loaded::kMeta, number_in(expression, NFTNL_EXPR_META_KEY), 0});
    } else if (name == "payload") {
      load({number_in(expression, NFTNL_EXPR_PAYLOAD_BASE) == NFT_PAYLOAD_TRANSPORT_HEADER ? Loaded::kTransport
                                                                                           : Loaded::kNetwork,
            number_in(expression, NFTNL_EXPR_PAYLOAD_OFFSET), number_in(expression, NFTNL_EXPR_PAYLOAD_LEN)});
    } else if (name == "ct") {
      load({Loaded::kConntrack, number_in(expression, NFTNL_EXPR_CT_KEY), 0});
    } else if (name == "fib") {
      load({Loaded::kFib, 0, 0});
    } else if (name == "bitwise") {
      mask_ = bytes_in(expression, NFTNL_EXPR_BITWISE_MASK);
    } else if (name == "cmp") {
      compare(number_in(expression, NFTNL_EXPR_CMP_OP), bytes_in(expression, NFTNL_EXPR_CMP_DATA));
    } else if (name == "lookup") {
      look_up(expression);
    } else if (name == "counter") {
      decoded_.rule.counters = {nftnl_expr_get_u64(expression, NFTNL_EXPR_CTR_PACKETS),
                                nftnl_expr_get_u64(expression, NFTNL_EXPR_CTR_BYTES)};
    } else if (name == "immediate") {
      immediate(expression);
    } else {
      end(expression, name);
    }
  }

  Decoded take() {
    if (decoded_.rule.is_one_port_each && !is_whole_map()) decoded_.rule.has_more = true;
    return std::move(decoded_);
  }

 private:
  struct Loaded {
    enum Kind { kNothing, kMeta, kTransport, kNetwork, kConntrack, kFib } kind = kNothing;
    std::uint32_t key = 0;  // or the offset of a payload
    std::uint32_t size = 0;
  };

  void load(Loaded loaded) {
    loaded_ = loaded;
    mask_ = {};
  }

  void compare(std::uint32_t comparison, Bytes data) {
    Rule& rule = decoded_.rule;
    switch (loaded_.kind) {
      case Loaded::kMeta: compare_meta(comparison, data); break;
      case Loaded::kTransport:
        if (is_destination_port()) compare_port(comparison, port_in(data));
        break;
      case Loaded::kNetwork: compare_source(data); break;
      case Loaded::kConntrack:
        if (loaded_.key == NFT_CT_STATE) rule.is_state_invalid = true;
        if (loaded_.key == NFT_CT_STATUS) rule.is_not_translated = true;
        break;
      case Loaded::kFib: rule.is_destination_local = true; break;
      case Loaded::kNothing: break;
    }
  }

  // Of TCP's header; other fields of it say nothing about the ports.
  [[nodiscard]] bool is_destination_port() const {
    return loaded_.kind == Loaded::kTransport && loaded_.key == 2 && loaded_.size == sizeof(std::uint16_t) &&
           mask_.empty();
  }

  void compare_meta(std::uint32_t comparison, Bytes data) {
    const bool is_inverted = comparison == NFT_CMP_NEQ;
    if (data.empty()) return;
    if (loaded_.key == NFT_META_IIFNAME) decoded_.rule.in = interface(data, is_inverted);
    if (loaded_.key == NFT_META_OIFNAME) decoded_.rule.out = interface(data, is_inverted);
    if (loaded_.key == NFT_META_NFPROTO && !is_inverted)
      decoded_.rule.family = data[0] == NFPROTO_IPV4 ? Family::kIpv4 : Family::kIpv6;
    if (loaded_.key == NFT_META_L4PROTO) {
      decoded_.rule.is_tcp = data[0] == IPPROTO_TCP && !is_inverted;
      decoded_.may_match_tcp = (data[0] == IPPROTO_TCP) != is_inverted;
    }
  }

  static InterfaceMatch interface(Bytes data, bool is_inverted) {
    const auto* text = reinterpret_cast<const char*>(data.data());
    const std::size_t length = ::strnlen(text, data.size());
    return {std::string{text, length} + (length == data.size() ? "+" : ""), is_inverted};
  }

  void compare_port(std::uint32_t comparison, std::uint16_t port) {
    auto& ports = decoded_.rule.destination_ports;
    if (comparison == NFT_CMP_EQ) ports = PortRange{port, port};
    if (comparison == NFT_CMP_GTE) ports = PortRange{port, 0xffff};
    if (comparison == NFT_CMP_LTE && ports) ports->last = port;
  }

  // The family was asked for just before; in a Rule the source says it.
  void compare_source(Bytes data) {
    if (data.size() > 16 || !decoded_.rule.family) return;
    std::array<std::uint8_t, 16> bytes{};
    std::copy(data.begin(), data.end(), bytes.begin());
    auto prefix = static_cast<unsigned>(data.size() * 8);
    if (!mask_.empty()) {
      prefix = 0;
      while (prefix < mask_.size() * 8 && (mask_[prefix / 8] & (0x80U >> (prefix % 8))) != 0) ++prefix;
    }
    in_addr ipv4{};
    in6_addr ipv6{};
    std::memcpy(&ipv4, bytes.data(), sizeof ipv4);
    std::memcpy(&ipv6, bytes.data(), sizeof ipv6);
    decoded_.rule.source = Cidr{*decoded_.rule.family == Family::kIpv4 ? IpAddress{ipv4} : IpAddress{ipv6}, prefix};
    decoded_.rule.family.reset();
  }

  void look_up(const nftnl_expr* expression) {
    const bool is_map = nftnl_expr_is_set(expression, NFTNL_EXPR_LOOKUP_DREG);
    // A map of verdicts decides by itself.
    if (is_map && number_in(expression, NFTNL_EXPR_LOOKUP_DREG) == NFT_REG_VERDICT) {
      decoded_.is_terminal = true;
      decoded_.ending = "vmap";
    }
    const auto found = sets_.find(nftnl_expr_get_str(expression, NFTNL_EXPR_LOOKUP_SET));
    if (!is_destination_port() || found == sets_.end()) return;
    if ((number_in(expression, NFTNL_EXPR_LOOKUP_FLAGS) & NFT_LOOKUP_F_INV) != 0) return;
    if (!is_map) {
      decoded_.rule.destination_port_set = found->second.ports;
    } else if (!found->second.targets.empty()) {
      map_ = &found->second.targets;
      decoded_.rule.is_one_port_each = true;
      decoded_.rule.to_port = map_->begin()->second;
    }
  }

  void immediate(const nftnl_expr* expression) {
    if (number_in(expression, NFTNL_EXPR_IMM_DREG) != NFT_REG_VERDICT) {
      decoded_.rule.to_port = port_in(bytes_in(expression, NFTNL_EXPR_IMM_DATA));
      return;
    }
    const auto verdict = static_cast<int>(number_in(expression, NFTNL_EXPR_IMM_VERDICT));
    const char* chain =
        nftnl_expr_is_set(expression, NFTNL_EXPR_IMM_CHAIN) ? nftnl_expr_get_str(expression, NFTNL_EXPR_IMM_CHAIN) : "";
    switch (verdict) {
      case NFT_RETURN: finish(std::string{kReturn}, "return"); break;
      case NFT_JUMP: finish(chain, std::string{"jump "} + chain); break;
      case NFT_GOTO: finish(chain, std::string{"goto "} + chain); break;
      case NF_ACCEPT:
        if (decoded_.rule.target == kTproxy) return;  // the end of the same statement
        finish("ACCEPT", "accept");
        break;
      case NF_DROP: finish(std::string{kDrop}, "drop"); break;
      default: finish("OTHER", "a verdict"); break;
    }
    decoded_.jumps_to = chain;
    decoded_.is_terminal = verdict == NF_DROP;
  }

  void end(const nftnl_expr* expression, std::string_view name) {
    if (name == "redir") {
      finish(std::string{kRedirect}, "redirect");
    } else if (name == "nat") {
      const bool is_destination = number_in(expression, NFTNL_EXPR_NAT_TYPE) == NFT_NAT_DNAT;
      finish("DNAT", is_destination ? "dnat" : "snat");
    } else if (name == "tproxy") {
      finish(std::string{kTproxy}, "tproxy");
    } else if (name == "reject") {
      finish(std::string{kReject}, "reject");
    } else if (name == "target") {  // of iptables-nft
      const std::string target = nftnl_expr_get_str(expression, NFTNL_EXPR_TG_NAME);
      if (passes_on(target)) return;
      // Only these two are told apart: they lead to another port, or to another program.
      const bool is_known = target == kRedirect || target == kTproxy;
      finish(is_known ? target : "OTHER", "xt target " + target);
      if (target == kRedirect) decoded_.rule.to_port = redirected_port(bytes_in(expression, NFTNL_EXPR_TG_INFO));
    } else if (name == "notrack" || name == "queue" || name == "fwd" || name == "dup" || name == "synproxy") {
      finish("OTHER", std::string{name});
    } else {
      return;
    }
    decoded_.is_terminal = true;
  }

  void finish(std::string target, std::string ending) {
    decoded_.rule.target = std::move(target);
    decoded_.ending = std::move(ending);
  }

  // Whether the map sends the ports of the rule, one by one, to neighbouring ports, and no others.
  [[nodiscard]] bool is_whole_map() const {
    const std::vector<std::uint16_t> ports = expand(destination_ports_of(decoded_.rule));
    std::uint16_t next = decoded_.rule.to_port;
    return map_ != nullptr && map_->size() == ports.size() && std::ranges::all_of(ports, [&](std::uint16_t port) {
             const auto found = map_->find(port);
             return found != map_->end() && found->second == next++;
           });
  }

  const std::map<std::string, PortSet>& sets_;
  Decoded decoded_;
  Loaded loaded_;
  Bytes mask_;
  const std::map<std::uint16_t, std::uint16_t>* map_ = nullptr;
};

}  // namespace

PortSet ports_of(const nftnl_set* set) {
  PortSet found;
  std::map<unsigned, bool> edges;  // of intervals: whether one begins; a beginning wins over an end at the same port
  const bool is_interval = (nftnl_set_get_u32(set, NFTNL_SET_FLAGS) & NFT_SET_INTERVAL) != 0;
  const auto all = owned<SetElements>(nftnl_set_elems_iter_create(set));
  while (nftnl_set_elem* element = nftnl_set_elems_iter_next(all.get())) {
    std::uint32_t size = 0;
    const auto* key = static_cast<const unsigned char*>(nftnl_set_elem_get(element, NFTNL_SET_ELEM_KEY, &size));
    if (key == nullptr || size != sizeof(std::uint16_t)) continue;
    const std::uint16_t port = port_in({key, size});
    const bool is_end = nftnl_set_elem_is_set(element, NFTNL_SET_ELEM_FLAGS) &&
                        (nftnl_set_elem_get_u32(element, NFTNL_SET_ELEM_FLAGS) & NFT_SET_ELEM_INTERVAL_END) != 0;
    edges[port] = edges[port] || !is_end;
    if (!is_interval) edges.try_emplace(port + 1U, false);
    const auto* data = static_cast<const unsigned char*>(nftnl_set_elem_get(element, NFTNL_SET_ELEM_DATA, &size));
    if (data != nullptr) found.targets[port] = port_in({data, size});
  }
  std::optional<unsigned> first;
  for (const auto& [port, is_beginning] : edges) {
    if (is_beginning && !first) first = port;
    if (is_beginning || !first) continue;
    found.ports.push_back({static_cast<std::uint16_t>(*first), static_cast<std::uint16_t>(port - 1)});
    first.reset();
  }
  if (first) found.ports.push_back({static_cast<std::uint16_t>(*first), 0xffff});
  return found;
}

Decoded decode(const nftnl_rule* rule, const std::map<std::string, PortSet>& sets) {
  Reader reader{sets};
  for_each_expression(rule, [&reader](const nftnl_expr* expression) { reader.read(expression); });
  Decoded decoded = reader.take();
  decoded.rule.comment = comment_of(rule);
  std::uint32_t next_set = 0;
  if (identity(rule) != identity(encode(decoded.rule, "", next_set).rule.get())) decoded.rule.has_more = true;
  return decoded;
}

}  // namespace sidelock::nftables
