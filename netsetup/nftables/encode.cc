// See expressions.h. What each expression does is in linux/netfilter/nf_tables.h.
#include <array>
#include <cstring>
#include <optional>

#include <arpa/inet.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_conntrack_common.h>
#include <linux/netfilter/nf_nat.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/rtnetlink.h>
#include <netinet/in.h>

extern "C" {
#include <libnftnl/udata.h>
}

#include "config/capture_contract.h"
#include "netsetup/nftables/expressions.h"
#include "netsetup/nftables/layout.h"

namespace sidelock::nftables {

namespace {

constexpr const char* kSetName = "__set%d";  // the kernel puts a number into the name
constexpr const char* kMapName = "__map%d";
constexpr std::uint32_t kPortType = 13;     // nft's number for inet_service
constexpr std::uint32_t kBigEndian = 2;     // nft's number for that order, in what it keeps beside a set
constexpr std::uint32_t kPortOffset = 2;    // of the destination port in the TCP header
constexpr std::uint32_t kCtInvalidBit = 1;  // NF_CT_STATE_INVALID_BIT

// NFPROTO_UNSPEC for none.
std::uint8_t protocol_of(std::optional<Family> family) {
  if (!family) return NFPROTO_UNSPEC;
  return *family == Family::kIpv4 ? NFPROTO_IPV4 : NFPROTO_IPV6;
}

// Builds one rule, expression after expression. A value is loaded into the first register and compared there.
class Builder {
 public:
  Builder(const std::string& chain, std::uint32_t& next_set) : next_set_{next_set} {
    nftnl_rule_set_str(rule(), NFTNL_RULE_TABLE, kTableName);
    nftnl_rule_set_str(rule(), NFTNL_RULE_CHAIN, chain.c_str());
    nftnl_rule_set_u32(rule(), NFTNL_RULE_FAMILY, NFPROTO_INET);
  }

  EncodedRule take() { return std::move(encoded_); }

  void comment(const std::string& text) {
    if (text.empty()) return;
    using Buffer = std::unique_ptr<nftnl_udata_buf, Freed<nftnl_udata_buf_free>>;
    const auto buffer = owned<Buffer>(nftnl_udata_buf_alloc(NFT_USERDATA_MAXLEN));
    nftnl_udata_put_strz(buffer.get(), NFTNL_UDATA_RULE_COMMENT, text.c_str());
    nftnl_rule_set_data(rule(), NFTNL_RULE_USERDATA, nftnl_udata_buf_data(buffer.get()),
                        nftnl_udata_buf_len(buffer.get()));
  }

  void match_meta(std::uint32_t key, std::uint32_t comparison, const void* data, std::size_t size) {
    nftnl_expr* meta = add("meta");
    nftnl_expr_set_u32(meta, NFTNL_EXPR_META_KEY, key);
    nftnl_expr_set_u32(meta, NFTNL_EXPR_META_DREG, NFT_REG_1);
    compare(comparison, data, size);
  }

  void match_byte(std::uint32_t key, std::uint8_t value) { match_meta(key, NFT_CMP_EQ, &value, sizeof value); }

  void match_interface(std::uint32_t key, const InterfaceMatch& interface) {
    std::array<char, kNameSize> name{};
    const bool is_wildcard = interface.name.ends_with('+');
    const std::size_t length = interface.name.copy(name.data(), name.size() - 1) - (is_wildcard ? 1 : 0);
    match_meta(key, interface.is_inverted ? NFT_CMP_NEQ : NFT_CMP_EQ, name.data(), is_wildcard ? length : name.size());
  }

  // Whole bytes of a prefix are loaded alone, others masked, as nft does it.
  void match_source(const Cidr& source) {
    const bool is_ipv4 = source.network.is_ipv4();
    match_byte(NFT_META_NFPROTO, protocol_of(is_ipv4 ? Family::kIpv4 : Family::kIpv6));
    const std::uint32_t whole = is_ipv4 ? 4 : 16;
    const bool is_masked = source.prefix % 8 != 0;
    const std::uint32_t size = is_masked ? whole : source.prefix / 8;
    load_payload(NFT_PAYLOAD_NETWORK_HEADER, is_ipv4 ? 12 : 8, size);
    if (is_masked) {
      std::array<std::uint8_t, 16> mask{};
      for (unsigned bit = 0; bit < source.prefix; ++bit)
        mask[bit / 8] = static_cast<std::uint8_t>(mask[bit / 8] | (0x80U >> (bit % 8)));
      mask_register(mask.data(), whole);
    }
    compare(NFT_CMP_EQ, source.network.bytes().data(), size);
  }

  void match_ports(const Rule& rule) {
    if (rule.is_tcp) match_byte(NFT_META_L4PROTO, IPPROTO_TCP);
    if (rule.destination_ports) {
      load_port();
      const auto [first, last] = *rule.destination_ports;
      if (first == last) {
        compare_port(NFT_CMP_EQ, first);
      } else {
        compare_port(NFT_CMP_GTE, first);
        compare_port(NFT_CMP_LTE, last);
      }
    } else if (!rule.destination_port_set.empty()) {
      load_port();
      look_up(port_set(rule.destination_port_set), false);
    }
  }

  void match_state_invalid() {
    load_conntrack(NFT_CT_STATE);
    const std::uint32_t zero = 0;
    mask_register(&kCtInvalidBit, sizeof kCtInvalidBit);
    compare(NFT_CMP_NEQ, &zero, sizeof zero);
  }

  void match_not_translated() {
    load_conntrack(NFT_CT_STATUS);
    const std::uint32_t zero = 0;
    const std::uint32_t translated = IPS_DST_NAT;
    mask_register(&translated, sizeof translated);
    compare(NFT_CMP_EQ, &zero, sizeof zero);
  }

  void match_destination_local() {
    nftnl_expr* fib = add("fib");
    nftnl_expr_set_u32(fib, NFTNL_EXPR_FIB_FLAGS, NFTA_FIB_F_DADDR);
    nftnl_expr_set_u32(fib, NFTNL_EXPR_FIB_RESULT, NFT_FIB_RESULT_ADDRTYPE);
    nftnl_expr_set_u32(fib, NFTNL_EXPR_FIB_DREG, NFT_REG_1);
    const std::uint32_t local = RTN_LOCAL;
    compare(NFT_CMP_EQ, &local, sizeof local);
  }

  void count() { add("counter"); }

  void end(const Rule& rule) {
    if (rule.target == kRedirect) return redirect(rule);
    if (rule.target == kTproxy) return divert(rule);
    if (rule.target == kReject) return reject();
    if (rule.target == kReturn) return verdict(NFT_RETURN, nullptr);
    if (rule.target == kDrop) return verdict(NF_DROP, nullptr);
    verdict(NFT_JUMP, rule.target.c_str());
  }

 private:
  static constexpr std::size_t kNameSize = 16;

  [[nodiscard]] nftnl_rule* rule() const { return encoded_.rule.get(); }

  nftnl_expr* add(const char* name) {
    auto expression = owned<ExpressionPtr>(nftnl_expr_alloc(name));
    nftnl_expr* added = expression.get();
    nftnl_rule_add_expr(rule(), expression.release());
    return added;
  }

  void compare(std::uint32_t comparison, const void* data, std::size_t size) {
    nftnl_expr* cmp = add("cmp");
    nftnl_expr_set_u32(cmp, NFTNL_EXPR_CMP_SREG, NFT_REG_1);
    nftnl_expr_set_u32(cmp, NFTNL_EXPR_CMP_OP, comparison);
    nftnl_expr_set(cmp, NFTNL_EXPR_CMP_DATA, data, static_cast<std::uint32_t>(size));
  }

  void compare_port(std::uint32_t comparison, std::uint16_t port) {
    const std::uint16_t value = htons(port);
    compare(comparison, &value, sizeof value);
  }

  void mask_register(const void* mask, std::uint32_t size) {
    const std::array<std::uint8_t, 16> zero{};
    nftnl_expr* bitwise = add("bitwise");
    nftnl_expr_set_u32(bitwise, NFTNL_EXPR_BITWISE_SREG, NFT_REG_1);
    nftnl_expr_set_u32(bitwise, NFTNL_EXPR_BITWISE_DREG, NFT_REG_1);
    nftnl_expr_set_u32(bitwise, NFTNL_EXPR_BITWISE_OP, NFT_BITWISE_BOOL);
    nftnl_expr_set_u32(bitwise, NFTNL_EXPR_BITWISE_LEN, size);
    nftnl_expr_set(bitwise, NFTNL_EXPR_BITWISE_MASK, mask, size);
    nftnl_expr_set(bitwise, NFTNL_EXPR_BITWISE_XOR, zero.data(), size);
  }

  void load_payload(std::uint32_t base, std::uint32_t offset, std::uint32_t size) {
    nftnl_expr* payload = add("payload");
    nftnl_expr_set_u32(payload, NFTNL_EXPR_PAYLOAD_BASE, base);
    nftnl_expr_set_u32(payload, NFTNL_EXPR_PAYLOAD_OFFSET, offset);
    nftnl_expr_set_u32(payload, NFTNL_EXPR_PAYLOAD_LEN, size);
    nftnl_expr_set_u32(payload, NFTNL_EXPR_PAYLOAD_DREG, NFT_REG_1);
  }

  void load_port() { load_payload(NFT_PAYLOAD_TRANSPORT_HEADER, kPortOffset, sizeof(std::uint16_t)); }

  void load_conntrack(std::uint32_t key) {
    nftnl_expr* conntrack = add("ct");
    nftnl_expr_set_u32(conntrack, NFTNL_EXPR_CT_KEY, key);
    nftnl_expr_set_u32(conntrack, NFTNL_EXPR_CT_DREG, NFT_REG_1);
  }

  nftnl_set* new_set(const char* name, std::uint32_t flags) {
    encoded_.sets.push_back(owned<SetPtr>(nftnl_set_alloc()));
    nftnl_set* set = encoded_.sets.back().get();
    nftnl_set_set_str(set, NFTNL_SET_TABLE, kTableName);
    nftnl_set_set_str(set, NFTNL_SET_NAME, name);
    nftnl_set_set_u32(set, NFTNL_SET_FAMILY, NFPROTO_INET);
    nftnl_set_set_u32(set, NFTNL_SET_ID, next_set_++);
    nftnl_set_set_u32(set, NFTNL_SET_FLAGS, NFT_SET_ANONYMOUS | NFT_SET_CONSTANT | flags);
    nftnl_set_set_u32(set, NFTNL_SET_KEY_TYPE, kPortType);
    nftnl_set_set_u32(set, NFTNL_SET_KEY_LEN, sizeof(std::uint16_t));
    set_byte_orders(set, (flags & NFT_SET_MAP) != 0);
    return set;
  }

  static void set_byte_orders(nftnl_set* set, bool is_map) {
    using Buffer = std::unique_ptr<nftnl_udata_buf, Freed<nftnl_udata_buf_free>>;
    const auto buffer = owned<Buffer>(nftnl_udata_buf_alloc(NFT_USERDATA_MAXLEN));
    nftnl_udata_put_u32(buffer.get(), NFTNL_UDATA_SET_KEYBYTEORDER, kBigEndian);
    if (is_map) nftnl_udata_put_u32(buffer.get(), NFTNL_UDATA_SET_DATABYTEORDER, kBigEndian);
    nftnl_set_set_data(set, NFTNL_SET_USERDATA, nftnl_udata_buf_data(buffer.get()), nftnl_udata_buf_len(buffer.get()));
  }

  static nftnl_set_elem* add_element(nftnl_set* set, std::uint16_t port) {
    nftnl_set_elem* element = nftnl_set_elem_alloc();
    if (element == nullptr) throw std::bad_alloc{};
    const std::uint16_t key = htons(port);
    nftnl_set_elem_set(element, NFTNL_SET_ELEM_KEY, &key, sizeof key);
    nftnl_set_elem_add(set, element);
    return element;
  }

  static void end_interval(nftnl_set* set, std::uint16_t port) {
    nftnl_set_elem_set_u32(add_element(set, port), NFTNL_SET_ELEM_FLAGS, NFT_SET_ELEM_INTERVAL_END);
  }

  // Intervals are kept as their first port and, marked as an end, the port behind their last.
  nftnl_set* port_set(const std::vector<PortRange>& ranges) {
    nftnl_set* set = new_set(kSetName, NFT_SET_INTERVAL);
    end_interval(set, 0);
    for (const PortRange& range : ranges) {
      add_element(set, range.first);
      if (range.last != 0xffff) end_interval(set, static_cast<std::uint16_t>(range.last + 1));
    }
    return set;
  }

  nftnl_set* port_map(const Rule& rule) {
    nftnl_set* map = new_set(kMapName, NFT_SET_MAP);
    nftnl_set_set_u32(map, NFTNL_SET_DATA_TYPE, kPortType);
    nftnl_set_set_u32(map, NFTNL_SET_DATA_LEN, sizeof(std::uint16_t));
    std::uint16_t next = rule.to_port;
    for (const std::uint16_t port : expand(destination_ports_of(rule))) {
      const std::uint16_t target = htons(next++);
      nftnl_set_elem_set(add_element(map, port), NFTNL_SET_ELEM_DATA, &target, sizeof target);
    }
    return map;
  }

  void look_up(const nftnl_set* set, bool is_map) {
    nftnl_expr* lookup = add("lookup");
    nftnl_expr_set_u32(lookup, NFTNL_EXPR_LOOKUP_SREG, NFT_REG_1);
    nftnl_expr_set_str(lookup, NFTNL_EXPR_LOOKUP_SET, nftnl_set_get_str(set, NFTNL_SET_NAME));
    nftnl_expr_set_u32(lookup, NFTNL_EXPR_LOOKUP_SET_ID, nftnl_set_get_u32(set, NFTNL_SET_ID));
    if (is_map) nftnl_expr_set_u32(lookup, NFTNL_EXPR_LOOKUP_DREG, NFT_REG_1);
  }

  void load_target_port(const Rule& rule) {
    const std::uint16_t port = htons(rule.to_port);
    nftnl_expr* immediate = add("immediate");
    nftnl_expr_set_u32(immediate, NFTNL_EXPR_IMM_DREG, NFT_REG_1);
    nftnl_expr_set(immediate, NFTNL_EXPR_IMM_DATA, &port, sizeof port);
  }

  void divert(const Rule& rule) {
    load_target_port(rule);
    nftnl_expr* tproxy = add("tproxy");
    // Without a family, whichever the packet has; nft takes that for a conflict where the rule has asked for one.
    nftnl_expr_set_u32(tproxy, NFTNL_EXPR_TPROXY_FAMILY, protocol_of(rule.family));
    nftnl_expr_set_u32(tproxy, NFTNL_EXPR_TPROXY_REG_PORT, NFT_REG_1);
    verdict(NF_ACCEPT, nullptr);
  }

  void reject() {
    nftnl_expr* reject = add("reject");
    nftnl_expr_set_u32(reject, NFTNL_EXPR_REJECT_TYPE, NFT_REJECT_TCP_RST);
    nftnl_expr_set_u8(reject, NFTNL_EXPR_REJECT_CODE, 0);
  }

  void redirect(const Rule& rule) {
    if (rule.is_one_port_each) {
      load_port();
      look_up(port_map(rule), true);
    } else {
      load_target_port(rule);
    }
    nftnl_expr* redir = add("redir");
    nftnl_expr_set_u32(redir, NFTNL_EXPR_REDIR_REG_PROTO_MIN, NFT_REG_1);
    nftnl_expr_set_u32(redir, NFTNL_EXPR_REDIR_REG_PROTO_MAX, NFT_REG_1);
    nftnl_expr_set_u32(redir, NFTNL_EXPR_REDIR_FLAGS, NF_NAT_RANGE_PROTO_SPECIFIED);
  }

  void verdict(int code, const char* chain) {
    nftnl_expr* immediate = add("immediate");
    nftnl_expr_set_u32(immediate, NFTNL_EXPR_IMM_DREG, NFT_REG_VERDICT);
    nftnl_expr_set_u32(immediate, NFTNL_EXPR_IMM_VERDICT, static_cast<std::uint32_t>(code));
    if (chain != nullptr) nftnl_expr_set_str(immediate, NFTNL_EXPR_IMM_CHAIN, chain);
  }

  EncodedRule encoded_{owned<RulePtr>(nftnl_rule_alloc()), {}};
  std::uint32_t& next_set_;
};

}  // namespace

EncodedRule encode(const Rule& rule, const std::string& chain, std::uint32_t& next_set) {
  Builder builder{chain, next_set};
  builder.comment(rule.comment);
  if (rule.family) builder.match_byte(NFT_META_NFPROTO, protocol_of(rule.family));
  if (rule.in) builder.match_interface(NFT_META_IIFNAME, *rule.in);
  if (rule.out) builder.match_interface(NFT_META_OIFNAME, *rule.out);
  if (rule.source) builder.match_source(*rule.source);
  builder.match_ports(rule);
  if (rule.is_state_invalid) builder.match_state_invalid();
  if (rule.is_not_translated) builder.match_not_translated();
  if (rule.is_destination_local) builder.match_destination_local();
  builder.count();
  builder.end(rule);
  return builder.take();
}

}  // namespace sidelock::nftables
