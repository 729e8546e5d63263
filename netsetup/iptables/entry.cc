// See entry.h. Everything is copied in and out with memcpy: the kernel's structures end in flexible arrays, and what is
// read back holds leftovers of the heap behind each name's end, so names are compared as C strings.
#include "netsetup/iptables/entry.h"

#include <algorithm>
#include <cstddef>
#include <cstring>

extern "C" {
#include <libiptc/libip6tc.h>
#include <libiptc/libiptc.h>
#include <linux/netfilter/nf_nat.h>
#include <linux/netfilter/xt_addrtype.h>
#include <linux/netfilter/xt_comment.h>
#include <linux/netfilter/xt_conntrack.h>
#include <linux/netfilter/xt_tcpudp.h>
}

#include "base/error.h"

namespace sidelock::iptables {

namespace {

using Bytes = std::vector<unsigned char>;

constexpr std::uint16_t kTcp = 6;
constexpr std::uint8_t kAddrtypeRevision = 1;
constexpr std::uint8_t kConntrackRevision = 3;
constexpr std::size_t kExtensionHeader = sizeof(xt_entry_match);
static_assert(sizeof(xt_entry_match) == sizeof(xt_entry_target));

constexpr std::size_t aligned(std::size_t size) { return XT_ALIGN(size); }

template <class T>
T load(const unsigned char* at) {
  T value;
  std::memcpy(&value, at, sizeof value);
  return value;
}

template <class T>
void store(Bytes& bytes, std::size_t offset, const T& value) {
  std::memcpy(bytes.data() + offset, &value, sizeof value);
}

// Appends a match or target with its payload; all padding is zero.
template <class T>
void append_extension(Bytes& bytes, const char* name, std::uint8_t revision, const T& payload) {
  const std::size_t begin = bytes.size();
  const std::size_t size = kExtensionHeader + aligned(sizeof payload);
  bytes.resize(begin + size);
  store(bytes, begin, static_cast<std::uint16_t>(size));
  std::strncpy(reinterpret_cast<char*>(bytes.data()) + begin + 2, name, XT_EXTENSION_MAXNAMELEN - 1);
  bytes[begin + kExtensionHeader - 1] = revision;
  store(bytes, begin + kExtensionHeader, payload);
}

template <class T>
T zeroed() {
  T value;
  std::memset(&value, 0, sizeof value);  // padding too: {} does not promise that
  return value;
}

void set_interface(char* name, unsigned char* mask, const InterfaceMatch& match) {
  if (match.name.empty()) return;
  const bool is_wildcard = match.name.back() == '+';
  const std::size_t length = std::min<std::size_t>(match.name.size(), IFNAMSIZ - 1);
  std::memcpy(name, match.name.data(), length);
  // An exact name is compared with its end, a wildcard only up to the '+'.
  std::memset(mask, 0xff, is_wildcard ? length - 1 : length + 1);
}

InterfaceMatch get_interface(const char* name, bool is_inverted) {
  return {std::string{name, ::strnlen(name, IFNAMSIZ)}, is_inverted};
}

in6_addr mask_of(unsigned prefix) {
  in6_addr mask{};
  for (unsigned bit = 0; bit < prefix; ++bit) mask.s6_addr[bit / 8] |= static_cast<std::uint8_t>(0x80U >> (bit % 8));
  return mask;
}

unsigned prefix_of(const in6_addr& mask) {
  unsigned prefix = 0;
  while (prefix < 128 && (mask.s6_addr[prefix / 8] & (0x80U >> (prefix % 8))) != 0) ++prefix;
  return prefix;
}

// What differs between the families: the header.
struct Ipv4 {
  using Entry = ipt_entry;
  static constexpr std::uint8_t kInvertIn = IPT_INV_VIA_IN;
  static constexpr std::uint8_t kInvertOut = IPT_INV_VIA_OUT;
  static auto& header(Entry& entry) { return entry.ip; }
  static void set_source(ipt_ip& header, const Cidr& source) {
    const in6_addr mask = mask_of(source.prefix);
    header.src = source.network.as_in_addr();
    std::memcpy(&header.smsk, &mask, sizeof header.smsk);
  }
  static std::optional<Cidr> source(const ipt_ip& header) {
    in6_addr mask{};
    std::memcpy(&mask, &header.smsk, sizeof header.smsk);
    if (prefix_of(mask) == 0) return std::nullopt;
    return Cidr{IpAddress{header.src}, prefix_of(mask)};
  }
  static bool has_other_matches(const ipt_ip& header) { return header.dmsk.s_addr != 0 || header.flags != 0; }
  static void set_tcp(ipt_ip& header) { header.proto = kTcp; }
};

struct Ipv6 {
  using Entry = ip6t_entry;
  static constexpr std::uint8_t kInvertIn = IP6T_INV_VIA_IN;
  static constexpr std::uint8_t kInvertOut = IP6T_INV_VIA_OUT;
  static auto& header(Entry& entry) { return entry.ipv6; }
  static void set_source(ip6t_ip6& header, const Cidr& source) {
    header.src = source.network.as_in6_addr();
    header.smsk = mask_of(source.prefix);
  }
  static std::optional<Cidr> source(const ip6t_ip6& header) {
    if (prefix_of(header.smsk) == 0) return std::nullopt;
    return Cidr{IpAddress{header.src}, prefix_of(header.smsk)};
  }
  static bool has_other_matches(const ip6t_ip6& header) {
    return prefix_of(header.dmsk) != 0 || (header.flags & ~IP6T_F_PROTO) != 0;
  }
  // Without the flag the kernel ignores the protocol of an IPv6 entry.
  static void set_tcp(ip6t_ip6& header) {
    header.proto = kTcp;
    header.flags = IP6T_F_PROTO;
  }
};

void append_matches(Bytes& bytes, const Rule& rule) {
  if (rule.destination_ports) {
    auto tcp = zeroed<xt_tcp>();
    tcp.spts[1] = 0xffff;
    tcp.dpts[0] = rule.destination_ports->first;
    tcp.dpts[1] = rule.destination_ports->last;
    append_extension(bytes, "tcp", 0, tcp);
  }
  if (rule.is_destination_local) {
    auto addrtype = zeroed<xt_addrtype_info_v1>();
    addrtype.dest = XT_ADDRTYPE_LOCAL;
    append_extension(bytes, "addrtype", kAddrtypeRevision, addrtype);
  }
  if (rule.is_invalid) {
    auto conntrack = zeroed<xt_conntrack_mtinfo3>();
    conntrack.match_flags = XT_CONNTRACK_STATE;
    conntrack.state_mask = XT_CONNTRACK_STATE_INVALID;
    append_extension(bytes, "conntrack", kConntrackRevision, conntrack);
  }
  if (!rule.comment.empty()) {
    auto comment = zeroed<xt_comment_info>();
    std::strncpy(comment.comment, rule.comment.c_str(), sizeof comment.comment - 1);
    append_extension(bytes, "comment", 0, comment);
  }
}

void append_target(Bytes& bytes, const Rule& rule, Family family) {
  if (rule.action != Action::kRedirect) {
    // libiptc turns the name of a chain or verdict into the number that the kernel wants.
    const std::string name = rule.action == Action::kJump ? rule.chain : rule.action == Action::kDrop ? "DROP" : "RETURN";
    append_extension(bytes, name.c_str(), 0, int{0});
    return;
  }
  const std::uint16_t port = htons(rule.redirect_port);
  if (family == Family::kIpv4) {
    auto range = zeroed<nf_nat_ipv4_multi_range_compat>();
    range.rangesize = 1;
    range.range[0].flags = NF_NAT_RANGE_PROTO_SPECIFIED;
    range.range[0].min.tcp.port = range.range[0].max.tcp.port = port;
    append_extension(bytes, "REDIRECT", 0, range);
  } else {
    auto range = zeroed<nf_nat_range>();
    range.flags = NF_NAT_RANGE_PROTO_SPECIFIED;
    range.min_proto.tcp.port = range.max_proto.tcp.port = port;
    append_extension(bytes, "REDIRECT", 0, range);
  }
}

template <class Api>
Bytes encode_as(const Rule& rule, Family family) {
  using Entry = typename Api::Entry;
  auto entry = zeroed<Entry>();
  auto& header = Api::header(entry);
  if (rule.source) Api::set_source(header, *rule.source);
  set_interface(header.iniface, header.iniface_mask, rule.in);
  set_interface(header.outiface, header.outiface_mask, rule.out);
  if (rule.in.is_inverted) header.invflags |= Api::kInvertIn;
  if (rule.out.is_inverted) header.invflags |= Api::kInvertOut;
  if (rule.is_tcp) Api::set_tcp(header);

  Bytes bytes(aligned(sizeof entry));
  append_matches(bytes, rule);
  entry.target_offset = static_cast<std::uint16_t>(bytes.size());
  append_target(bytes, rule, family);
  entry.next_offset = static_cast<std::uint16_t>(bytes.size());
  store(bytes, 0, entry);
  return bytes;
}

// One match or target of an entry that was read.
struct Extension {
  std::string_view name;
  std::uint8_t revision;
  const unsigned char* payload;
  std::size_t payload_size;
};

Extension extension_at(const unsigned char* at) {
  const char* const name = reinterpret_cast<const char*>(at) + 2;
  return {{name, ::strnlen(name, XT_EXTENSION_MAXNAMELEN)}, at[kExtensionHeader - 1], at + kExtensionHeader,
          load<std::uint16_t>(at) - kExtensionHeader};
}

bool decode_match(const Extension& match, Rule& rule) {
  if (match.name == "tcp" && match.revision == 0) {
    const auto tcp = load<xt_tcp>(match.payload);
    rule.destination_ports = PortRange{tcp.dpts[0], tcp.dpts[1]};
    return tcp.spts[0] == 0 && tcp.spts[1] == 0xffff && tcp.option == 0 && tcp.flg_mask == 0 && tcp.invflags == 0;
  }
  if (match.name == "addrtype" && match.revision == kAddrtypeRevision) {
    const auto addrtype = load<xt_addrtype_info_v1>(match.payload);
    rule.is_destination_local = true;
    return addrtype.source == 0 && addrtype.dest == XT_ADDRTYPE_LOCAL && addrtype.flags == 0;
  }
  if (match.name == "conntrack" && match.revision == kConntrackRevision) {
    const auto conntrack = load<xt_conntrack_mtinfo3>(match.payload);
    rule.is_invalid = true;
    return conntrack.match_flags == XT_CONNTRACK_STATE && conntrack.invert_flags == 0 &&
           conntrack.state_mask == XT_CONNTRACK_STATE_INVALID;
  }
  if (match.name == "comment" && match.revision == 0) {
    const auto comment = load<xt_comment_info>(match.payload);
    rule.comment.assign(comment.comment, ::strnlen(comment.comment, sizeof comment.comment));
    return true;
  }
  return false;
}

bool decode_redirect(const Extension& target, Family family, Rule& rule) {
  if (target.revision != 0) return false;
  rule.action = Action::kRedirect;
  if (family == Family::kIpv4) {
    const auto range = load<nf_nat_ipv4_multi_range_compat>(target.payload);
    rule.redirect_port = ntohs(range.range[0].min.tcp.port);
    return range.rangesize == 1 && range.range[0].flags == NF_NAT_RANGE_PROTO_SPECIFIED &&
           range.range[0].max.tcp.port == range.range[0].min.tcp.port;
  }
  const auto range = load<nf_nat_range>(target.payload);
  rule.redirect_port = ntohs(range.min_proto.tcp.port);
  return range.flags == NF_NAT_RANGE_PROTO_SPECIFIED && range.max_proto.tcp.port == range.min_proto.tcp.port;
}

template <class Api>
std::optional<Rule> decode_as(const unsigned char* bytes, std::string_view target, Family family) {
  auto entry = load<typename Api::Entry>(bytes);
  const auto& header = Api::header(entry);
  Rule rule;
  rule.source = Api::source(header);
  rule.in = get_interface(header.iniface, (header.invflags & Api::kInvertIn) != 0);
  rule.out = get_interface(header.outiface, (header.invflags & Api::kInvertOut) != 0);
  rule.is_tcp = header.proto == kTcp;
  constexpr auto kKnownInversions = static_cast<std::uint8_t>(Api::kInvertIn | Api::kInvertOut);
  if (Api::has_other_matches(header) || (header.invflags & ~kKnownInversions) != 0) return std::nullopt;
  if (header.proto != 0 && !rule.is_tcp) return std::nullopt;

  for (std::size_t at = aligned(sizeof entry); at < entry.target_offset; at += load<std::uint16_t>(bytes + at)) {
    if (!decode_match(extension_at(bytes + at), rule)) return std::nullopt;
  }
  if (target == "RETURN") {
    rule.action = Action::kReturn;
  } else if (target == "DROP") {
    rule.action = Action::kDrop;
  } else if (target == "REDIRECT") {
    if (!decode_redirect(extension_at(bytes + entry.target_offset), family, rule)) return std::nullopt;
  } else if (target.empty() || extension_at(bytes + entry.target_offset).name != "") {
    return std::nullopt;  // no target at all, or an extension that we never use
  } else {
    rule.action = Action::kJump;
    rule.chain = target;
  }
  return rule;
}

template <class Api>
bool may_match_tcp_as(const unsigned char* bytes, const std::vector<PortRange>& ports) {
  auto entry = load<typename Api::Entry>(bytes);
  const auto& header = Api::header(entry);
  if (header.proto != 0 && header.proto != kTcp && header.invflags == 0) return false;
  for (std::size_t at = aligned(sizeof entry); at < entry.target_offset; at += load<std::uint16_t>(bytes + at)) {
    const Extension match = extension_at(bytes + at);
    if (match.name != "tcp") continue;
    const auto tcp = load<xt_tcp>(match.payload);
    const auto overlaps = [&](const PortRange& range) { return range.first <= tcp.dpts[1] && tcp.dpts[0] <= range.last; };
    if (tcp.invflags == 0 && std::ranges::none_of(ports, overlaps)) return false;
  }
  return true;
}

}  // namespace

std::vector<unsigned char> encode(const Rule& rule, Family family) {
  return family == Family::kIpv4 ? encode_as<Ipv4>(rule, family) : encode_as<Ipv6>(rule, family);
}

std::optional<Rule> decode(const unsigned char* entry, std::string_view target, Family family) {
  return family == Family::kIpv4 ? decode_as<Ipv4>(entry, target, family) : decode_as<Ipv6>(entry, target, family);
}

bool may_match_tcp(const unsigned char* entry, Family family, const std::vector<PortRange>& ports) {
  return family == Family::kIpv4 ? may_match_tcp_as<Ipv4>(entry, ports) : may_match_tcp_as<Ipv6>(entry, ports);
}

}  // namespace sidelock::iptables
