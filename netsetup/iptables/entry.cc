// See entry.h. Structures are zeroed before they are filled: the kernel and libiptc compare padding as well.
// Matches and target have the revisions that iptables 1.8 writes, so that its save and restore understand our rules.
#include "netsetup/iptables/entry.h"

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <optional>
#include <string>

#include <arpa/inet.h>

extern "C" {
#include <linux/netfilter/nf_nat.h>
#include <linux/netfilter/x_tables.h>
#include <linux/netfilter/xt_addrtype.h>
#include <linux/netfilter/xt_comment.h>
#include <linux/netfilter/xt_conntrack.h>
#include <linux/netfilter/xt_tcpudp.h>
#include <linux/netfilter/xt_TPROXY.h>
#include <linux/netfilter_ipv4/ip_tables.h>
#include <linux/netfilter_ipv4/ipt_REJECT.h>
#include <linux/netfilter_ipv6/ip6_tables.h>
#include <linux/netfilter_ipv6/ip6t_REJECT.h>
}

namespace sidelock::iptables {

namespace {

using Bytes = std::vector<unsigned char>;

struct Ipv4 {
  using Entry = ipt_entry;
  static ipt_ip& header(Entry& entry) { return entry.ip; }
  static constexpr unsigned char kProtocolFlag = 0;
};

struct Ipv6 {
  using Entry = ip6t_entry;
  static ip6t_ip6& header(Entry& entry) { return entry.ipv6; }
  static constexpr unsigned char kProtocolFlag = IP6T_F_PROTO;  // without it the kernel ignores the protocol
};

// The inversion flags have the same values in both families.
static_assert(IPT_INV_VIA_IN == IP6T_INV_VIA_IN && IPT_INV_VIA_OUT == IP6T_INV_VIA_OUT);

template <class T>
T zeroed() {
  T value;
  std::memset(&value, 0, sizeof value);
  return value;
}

template <class T>
T load(const unsigned char* from) {
  T value = zeroed<T>();
  std::memcpy(&value, from, sizeof value);
  return value;
}

constexpr std::size_t aligned(std::size_t size) {
  constexpr std::size_t kUnit = alignof(_xt_align);
  return (size + kUnit - 1) / kUnit * kUnit;
}

// Appends a match or target: its header with size, name and revision, and its payload.
void append_extension(Bytes& bytes, std::string_view name, std::uint8_t revision, const void* payload,
                      std::size_t size) {
  static_assert(sizeof(xt_entry_match) == sizeof(xt_entry_target));
  const std::size_t total = aligned(sizeof(xt_entry_match)) + aligned(size);
  auto header = zeroed<xt_entry_match>();
  header.u.user.match_size = static_cast<std::uint16_t>(total);
  name.copy(header.u.user.name, sizeof header.u.user.name - 1);
  header.u.user.revision = revision;
  const std::size_t start = bytes.size();
  bytes.resize(start + total);
  std::memcpy(&bytes[start], &header, sizeof header);
  std::memcpy(&bytes[start + aligned(sizeof header)], payload, size);
}

void append_matches(Bytes& bytes, const Rule& rule) {
  if (rule.destination_ports) {
    auto tcp = zeroed<xt_tcp>();
    tcp.spts[1] = 0xffff;
    tcp.dpts[0] = rule.destination_ports->first;
    tcp.dpts[1] = rule.destination_ports->last;
    append_extension(bytes, "tcp", 0, &tcp, sizeof tcp);
  }
  if (rule.is_destination_local) {
    auto type = zeroed<xt_addrtype_info_v1>();
    type.dest = XT_ADDRTYPE_LOCAL;
    append_extension(bytes, "addrtype", 1, &type, sizeof type);
  }
  if (rule.is_state_invalid || rule.is_not_translated) {
    auto state = zeroed<xt_conntrack_mtinfo3>();
    state.match_flags = XT_CONNTRACK_STATE;
    state.invert_flags = rule.is_not_translated ? XT_CONNTRACK_STATE : 0;
    state.state_mask = rule.is_not_translated ? XT_CONNTRACK_STATE_DNAT : XT_CONNTRACK_STATE_INVALID;
    append_extension(bytes, "conntrack", 3, &state, sizeof state);
  }
  if (!rule.comment.empty()) {
    auto comment = zeroed<xt_comment_info>();
    rule.comment.copy(comment.comment, sizeof comment.comment - 1);
    append_extension(bytes, "comment", 0, &comment, sizeof comment);
  }
}

// How REJECT answers: a number in both families, but not the same one.
std::uint32_t tcp_reset(Family family) {
  return family == Family::kIpv4 ? static_cast<std::uint32_t>(IPT_TCP_RESET)
                                 : static_cast<std::uint32_t>(IP6T_TCP_RESET);
}

void append_target(Bytes& bytes, const Rule& rule, Family family) {
  if (rule.target == kReject) {
    const std::uint32_t with = tcp_reset(family);
    append_extension(bytes, kReject, 0, &with, sizeof with);
  } else if (rule.target == kTproxy) {
    auto divert = zeroed<xt_tproxy_target_info_v1>();
    divert.lport = htons(rule.to_port);
    append_extension(bytes, kTproxy, 1, &divert, sizeof divert);
  } else if (rule.target != kRedirect) {
    const int verdict = 0;
    append_extension(bytes, rule.target, 0, &verdict, sizeof verdict);
  } else if (family == Family::kIpv4) {
    auto range = zeroed<nf_nat_ipv4_multi_range_compat>();
    range.rangesize = 1;
    range.range[0].flags = NF_NAT_RANGE_PROTO_SPECIFIED;
    range.range[0].min.all = range.range[0].max.all = htons(rule.to_port);
    append_extension(bytes, kRedirect, 0, &range, sizeof range);
  } else {
    auto range = zeroed<nf_nat_range>();
    range.flags = NF_NAT_RANGE_PROTO_SPECIFIED;
    range.min_proto.all = range.max_proto.all = htons(rule.to_port);
    append_extension(bytes, kRedirect, 0, &range, sizeof range);
  }
}

// The mask covers the terminating zero of an exact name, and ends before the '+' of a pattern, which iptables leaves in
// the name.
template <std::size_t N>
bool set_interface(char (&name)[N], unsigned char (&mask)[N], const std::optional<InterfaceMatch>& wanted) {
  if (!wanted) return false;
  const std::size_t length = wanted->name.copy(name, N - 1);
  std::memset(mask, 0xff, wanted->name.ends_with('+') ? length - 1 : length + 1);
  return wanted->is_inverted;
}

template <class Header>
void set_source(Header& header, const Cidr& source) {
  std::memcpy(&header.src, source.network.bytes().data(), sizeof header.src);
  Bytes mask(sizeof header.smsk);
  for (unsigned bit = 0; bit < source.prefix; ++bit)
    mask[bit / 8] = static_cast<unsigned char>(mask[bit / 8] | (0x80U >> (bit % 8)));
  std::memcpy(&header.smsk, mask.data(), mask.size());
}

template <class Layout>
Bytes encode_as(const Rule& rule, Family family) {
  auto entry = zeroed<typename Layout::Entry>();
  auto& header = Layout::header(entry);
  if (rule.source) set_source(header, *rule.source);
  unsigned inverted = 0;
  if (set_interface(header.iniface, header.iniface_mask, rule.in)) inverted |= IPT_INV_VIA_IN;
  if (set_interface(header.outiface, header.outiface_mask, rule.out)) inverted |= IPT_INV_VIA_OUT;
  header.invflags = static_cast<std::uint8_t>(inverted);
  if (rule.is_tcp) {
    header.proto = IPPROTO_TCP;
    header.flags = Layout::kProtocolFlag;
  }
  Bytes bytes(aligned(sizeof entry));
  append_matches(bytes, rule);
  entry.target_offset = static_cast<std::uint16_t>(bytes.size());
  append_target(bytes, rule, family);
  entry.next_offset = static_cast<std::uint16_t>(bytes.size());
  std::memcpy(bytes.data(), &entry, sizeof entry);
  return bytes;
}

// One match or target inside an entry.
struct Extension {
  std::string name;
  std::uint8_t revision = 0;
  const unsigned char* payload = nullptr;
  std::size_t size = 0;  // of the payload
};

Extension extension_at(const unsigned char* at) {
  const auto header = load<xt_entry_match>(at);
  // Only the name up to its zero comes from the kernel; libiptc leaves the rest of the field as malloc gave it.
  const std::size_t length = ::strnlen(header.u.user.name, sizeof header.u.user.name);
  return {std::string{header.u.user.name, length}, header.u.user.revision, at + aligned(sizeof header),
          header.u.user.match_size - aligned(sizeof header)};
}

template <class Entry>
std::vector<Extension> matches_of(const unsigned char* bytes, const Entry& entry) {
  std::vector<Extension> matches;
  for (std::size_t at = sizeof entry; at < entry.target_offset;) {
    const auto header = load<xt_entry_match>(bytes + at);
    if (header.u.user.match_size < sizeof header) break;
    matches.push_back(extension_at(bytes + at));
    at += header.u.user.match_size;
  }
  return matches;
}

// Everything that makes a rule, and nothing that changes by itself: equal texts are equal rules.
template <class Layout>
std::string identity(const unsigned char* bytes, std::string_view target) {
  auto entry = load<typename Layout::Entry>(bytes);
  const auto& header = Layout::header(entry);
  std::string text(reinterpret_cast<const char*>(&header), sizeof header);
  const auto add = [&text](const Extension& extension) {
    text.append(extension.name).append(1, '\0').append(1, static_cast<char>(extension.revision));
    text.append(reinterpret_cast<const char*>(extension.payload), extension.size);
  };
  for (const Extension& match : matches_of(bytes, entry)) add(match);
  // A verdict or a jump is its name; its number is an offset that moves with every change of the table.
  const Extension last = extension_at(bytes + entry.target_offset);
  if (last.name == target && (target == kRedirect || target == kTproxy || target == kReject)) add(last);
  return text.append(target);
}

template <std::size_t N>
std::optional<InterfaceMatch> interface_in(const char (&name)[N], const unsigned char (&mask)[N], bool is_inverted) {
  if (mask[0] == 0) return std::nullopt;
  const auto masked = static_cast<std::size_t>(std::find(mask, mask + N, 0) - mask);
  std::string text{name, ::strnlen(name, masked)};
  if (text.size() == masked) text += '+';
  return InterfaceMatch{text, is_inverted};
}

std::optional<Cidr> block(IpAddress network, const unsigned char* mask, std::size_t size) {
  unsigned prefix = 0;
  while (prefix < size * 8 && (mask[prefix / 8] & (0x80U >> (prefix % 8))) != 0) ++prefix;
  if (prefix == 0) return std::nullopt;
  return Cidr{network, prefix};
}

std::optional<Cidr> source_in(const ipt_ip& header) {
  return block(IpAddress{header.src}, reinterpret_cast<const unsigned char*>(&header.smsk), sizeof header.smsk);
}

std::optional<Cidr> source_in(const ip6t_ip6& header) {
  return block(IpAddress{header.src}, reinterpret_cast<const unsigned char*>(&header.smsk), sizeof header.smsk);
}

void read_match(const Extension& match, Rule& rule) {
  if (match.name == "tcp" && match.size >= sizeof(xt_tcp)) {
    const auto tcp = load<xt_tcp>(match.payload);
    if ((tcp.invflags & XT_TCP_INV_DSTPT) == 0) rule.destination_ports = PortRange{tcp.dpts[0], tcp.dpts[1]};
  } else if (match.name == "comment" && match.size >= sizeof(xt_comment_info)) {
    const auto comment = load<xt_comment_info>(match.payload);
    rule.comment.assign(comment.comment, ::strnlen(comment.comment, sizeof comment.comment));
  } else if (match.name == "addrtype") {
    rule.is_destination_local = true;
  } else if (match.name == "conntrack" && match.size >= sizeof(xt_conntrack_mtinfo3)) {
    rule.is_not_translated = (load<xt_conntrack_mtinfo3>(match.payload).state_mask & XT_CONNTRACK_STATE_DNAT) != 0;
    rule.is_state_invalid = !rule.is_not_translated;
  }
}

std::uint16_t target_port(const Extension& target, Family family) {
  if (target.name == kTproxy) return ntohs(load<xt_tproxy_target_info_v1>(target.payload).lport);
  if (family == Family::kIpv4) return ntohs(load<nf_nat_ipv4_multi_range_compat>(target.payload).range[0].min.all);
  return ntohs(load<nf_nat_range>(target.payload).min_proto.all);
}

// Reads what Rule has words for, and writes it again: when that is not the same rule, it says more.
template <class Layout>
Decoded decode_as(const unsigned char* bytes, Family family, std::string_view target) {
  auto entry = load<typename Layout::Entry>(bytes);
  const auto& header = Layout::header(entry);
  Decoded decoded;
  Rule& rule = decoded.rule;
  const bool is_protocol_inverted = (header.invflags & XT_INV_PROTO) != 0;
  rule.is_tcp = header.proto == IPPROTO_TCP && !is_protocol_inverted;
  decoded.may_match_tcp = rule.is_tcp || header.proto == 0 || (header.proto != IPPROTO_TCP && is_protocol_inverted);
  rule.source = source_in(header);
  rule.in = interface_in(header.iniface, header.iniface_mask, (header.invflags & IPT_INV_VIA_IN) != 0);
  rule.out = interface_in(header.outiface, header.outiface_mask, (header.invflags & IPT_INV_VIA_OUT) != 0);
  for (const Extension& match : matches_of(bytes, entry)) read_match(match, rule);
  rule.target = target;
  if (target == kRedirect || target == kTproxy)
    rule.to_port = target_port(extension_at(bytes + entry.target_offset), family);
  rule.counters = {entry.counters.pcnt, entry.counters.bcnt};
  rule.has_more = identity<Layout>(bytes, target) != identity<Layout>(encode_as<Layout>(rule, family).data(), target);
  return decoded;
}

}  // namespace

Bytes encode(const Rule& rule, Family family) {
  return family == Family::kIpv4 ? encode_as<Ipv4>(rule, family) : encode_as<Ipv6>(rule, family);
}

Decoded decode(const unsigned char* entry, Family family, std::string_view target) {
  return family == Family::kIpv4 ? decode_as<Ipv4>(entry, family, target) : decode_as<Ipv6>(entry, family, target);
}

}  // namespace sidelock::iptables
