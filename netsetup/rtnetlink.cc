// See rtnetlink.h. Rules and routes are read attribute by attribute, because libnl's own objects know neither inverted
// rules nor what kernels have learnt since, and removed by the very message that listed them.
#include "netsetup/rtnetlink.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <functional>
#include <memory>

#include <arpa/inet.h>
#include <fmt/format.h>
#include <linux/fib_rules.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <sys/socket.h>

extern "C" {
#include <netlink/attr.h>
#include <netlink/msg.h>
#include <netlink/netlink.h>
#include <netlink/route/nexthop.h>
#include <netlink/route/route.h>
#include <netlink/route/rule.h>
}

#include "base/error.h"
#include "base/freed.h"

namespace sidelock::rtnetlink {

namespace {

using Socket = std::unique_ptr<nl_sock, Freed<nl_socket_free>>;
using Address = std::unique_ptr<nl_addr, Freed<nl_addr_put>>;
using Message = std::unique_ptr<nl_msg, Freed<nlmsg_free>>;
using RulePtr = std::unique_ptr<rtnl_rule, Freed<rtnl_rule_put>>;
using RoutePtr = std::unique_ptr<rtnl_route, Freed<rtnl_route_put>>;
using Each = std::function<void(nlmsghdr*)>;

constexpr std::uint32_t kMetricOfIpv6 = 1024;  // IP6_RT_PRIO_USER, which the kernel gives every route without one
constexpr std::uint32_t kNoSuppression = 0xffffffff;
constexpr int kTriesWhenChanged = 10;

bool is_unsupported(int result) {
  return result == -NLE_OPNOTSUPP || result == -NLE_AF_NOSUPPORT || result == -NLE_PROTO_MISMATCH ||
         result == -NLE_MSGTYPE_NOSUPPORT;
}

void check(int result, const std::string& what) {
  if (result >= 0) return;
  const std::string message = fmt::format("policy routing: {}: {}", what, nl_geterror(result));
  if (result == -NLE_PERM || result == -NLE_NOACCESS) {
    throw Failure{ExitCode::kMissingPermission, message + "; give `sidelock init` the capability NET_ADMIN"};
  }
  if (result == -NLE_EXIST) {
    throw Failure{ExitCode::kVerificationFailed,
                  message + "; another program changes the routing of this namespace at the same time"};
  }
  throw Failure{is_unsupported(result) ? ExitCode::kNoBackend : ExitCode::kFailure, message};
}

// Returns the result of connecting.
int connect(Socket& socket) {
  socket = owned<Socket>(nl_socket_alloc());
  return nl_connect(socket.get(), NETLINK_ROUTE);
}

Socket connected() {
  Socket socket;
  check(connect(socket), "open a netlink socket");
  return socket;
}

int take(nl_msg* message, void* each) {
  (*static_cast<const Each*>(each))(nlmsg_hdr(message));
  return NL_OK;
}

// Returns the result of the whole listing, which is -NLE_DUMP_INTR when somebody changed something meanwhile.
int list(int type, void* header, std::size_t size, Each each) {
  Socket socket;
  if (const int result = connect(socket); result < 0) return result;
  nl_socket_modify_cb(socket.get(), NL_CB_VALID, NL_CB_CUSTOM, take, &each);
  const int sent = nl_send_simple(socket.get(), type, NLM_F_DUMP, header, size);
  return sent < 0 ? sent : nl_recvmsgs_default(socket.get());
}

std::vector<char> copy_of(const nlmsghdr* message) {
  const auto* bytes = reinterpret_cast<const char*>(message);
  return {bytes, bytes + message->nlmsg_len};
}

std::string address_text(Family family, const nlattr* attribute, unsigned prefix) {
  std::array<char, INET6_ADDRSTRLEN> text{};
  std::array<unsigned char, 16> bytes{};
  std::memcpy(bytes.data(), nla_data(attribute), std::min(bytes.size(), static_cast<std::size_t>(nla_len(attribute))));
  inet_ntop(address_family(family), bytes.data(), text.data(), text.size());
  return fmt::format("{}/{}", text.data(), prefix);
}

// ---- rules

// What neither is asked for nor has words of its own stands as a number, so that it makes a difference.
std::string more_of(const fib_rule_hdr& header, const std::vector<nlattr*>& attributes) {
  std::string text;
  if (header.tos != 0) text += fmt::format(" tos {}", header.tos);
  if (header.action != FR_ACT_TO_TBL) text += fmt::format(" action {}", header.action);
  for (int type = 0; type <= FRA_MAX; ++type) {
    const nlattr* attribute = attributes[static_cast<std::size_t>(type)];
    switch (type) {
      case FRA_PRIORITY:
      case FRA_TABLE:
      case FRA_PROTOCOL:
      case FRA_SRC:
      case FRA_DST:
      case FRA_IIFNAME:
      case FRA_OIFNAME: continue;
      case FRA_FWMARK:
        if (attribute != nullptr) text += fmt::format(" fwmark {:#x}", nla_get_u32(attribute));
        continue;
      case FRA_SUPPRESS_PREFIXLEN:
        if (attribute != nullptr && nla_get_u32(attribute) == kNoSuppression) continue;
        break;
      default: break;
    }
    if (attribute != nullptr) text += fmt::format(" attribute {}", type);
  }
  return text;
}

std::string rule_text(const LiveRule& rule, const fib_rule_hdr& header, const std::vector<nlattr*>& attributes) {
  std::string text = fmt::format("{}: {}from ", rule.preference, (header.flags & FIB_RULE_INVERT) != 0 ? "not " : "");
  text += header.src_len == 0 ? "all" : address_text(rule.family, attributes[FRA_SRC], header.src_len);
  if (header.dst_len != 0) text += " to " + address_text(rule.family, attributes[FRA_DST], header.dst_len);
  if (attributes[FRA_IIFNAME] != nullptr) text += fmt::format(" iif {}", nla_get_string(attributes[FRA_IIFNAME]));
  if (attributes[FRA_OIFNAME] != nullptr) text += fmt::format(" oif {}", nla_get_string(attributes[FRA_OIFNAME]));
  if (rule.table != 0) text += fmt::format(" lookup {}", rule.table);
  return text + more_of(header, attributes) + fmt::format(" proto {}", rule.protocol);
}

LiveRule to_rule(nlmsghdr* message, Family family) {
  std::vector<nlattr*> attributes(FRA_MAX + 1, nullptr);
  LiveRule rule{family, 0, 0, 0, {}, copy_of(message)};
  if (nlmsg_parse(message, sizeof(fib_rule_hdr), attributes.data(), FRA_MAX, nullptr) < 0) return rule;
  const auto& header = *static_cast<const fib_rule_hdr*>(nlmsg_data(message));
  if (attributes[FRA_PRIORITY] != nullptr) rule.preference = nla_get_u32(attributes[FRA_PRIORITY]);
  rule.table = attributes[FRA_TABLE] != nullptr ? nla_get_u32(attributes[FRA_TABLE]) : header.table;
  if (attributes[FRA_PROTOCOL] != nullptr) rule.protocol = nla_get_u8(attributes[FRA_PROTOCOL]);
  rule.text = rule_text(rule, header, attributes);
  return rule;
}

// ---- routes

std::string type_text(std::uint8_t type) {
  switch (type) {
    case RTN_UNICAST: return "unicast";
    case RTN_LOCAL: return "local";
    case RTN_BLACKHOLE: return "blackhole";
    case RTN_UNREACHABLE: return "unreachable";
    case RTN_PROHIBIT: return "prohibit";
    case RTN_THROW: return "throw";
    default: return fmt::format("type {}", type);
  }
}

std::string device_text(std::uint32_t index) {
  std::array<char, IF_NAMESIZE> name{};
  return if_indextoname(index, name.data()) != nullptr ? name.data() : std::to_string(index);
}

std::string more_of(Family family, const rtmsg& header, const std::vector<nlattr*>& attributes) {
  std::string text;
  if (header.rtm_tos != 0) text += fmt::format(" tos {}", header.rtm_tos);
  if (header.rtm_src_len != 0) text += " from a source";
  if ((header.rtm_flags & RTNH_F_DEAD) != 0) text += " dead";
  for (int type = 0; type <= RTA_MAX; ++type) {
    const nlattr* attribute = attributes[static_cast<std::size_t>(type)];
    switch (type) {
      case RTA_TABLE:
      case RTA_DST:
      case RTA_OIF:
      case RTA_CACHEINFO:
      case RTA_PREF: continue;
      case RTA_PRIORITY:
        if (family == Family::kIpv6 && attribute != nullptr && nla_get_u32(attribute) == kMetricOfIpv6) continue;
        break;
      default: break;
    }
    if (attribute != nullptr) text += fmt::format(" attribute {}", type);
  }
  return text;
}

LiveRoute to_route(nlmsghdr* message, Family family) {
  std::vector<nlattr*> attributes(RTA_MAX + 1, nullptr);
  LiveRoute route{family, 0, 0, {}, copy_of(message)};
  if (nlmsg_parse(message, sizeof(rtmsg), attributes.data(), RTA_MAX, nullptr) < 0) return route;
  const auto& header = *static_cast<const rtmsg*>(nlmsg_data(message));
  route.table = attributes[RTA_TABLE] != nullptr ? nla_get_u32(attributes[RTA_TABLE]) : header.rtm_table;
  route.protocol = header.rtm_protocol;
  route.text = type_text(header.rtm_type) + ' ';
  route.text += header.rtm_dst_len == 0 || attributes[RTA_DST] == nullptr
                    ? "default"
                    : address_text(family, attributes[RTA_DST], header.rtm_dst_len);
  if (attributes[RTA_OIF] != nullptr) route.text += " dev " + device_text(nla_get_u32(attributes[RTA_OIF]));
  route.text += fmt::format(" table {} proto {}", route.table, route.protocol) + more_of(family, header, attributes);
  return route;
}

bool is_of_the_kernel(const LiveRoute& route) {
  return route.table >= RT_TABLE_DEFAULT && route.table <= RT_TABLE_LOCAL;
}

int list_rules(Family family, std::vector<LiveRule>& rules) {
  rules.clear();
  fib_rule_hdr header{};
  header.family = static_cast<std::uint8_t>(address_family(family));
  return list(RTM_GETRULE, &header, sizeof header, [&](nlmsghdr* message) {
    const auto* found = static_cast<const fib_rule_hdr*>(nlmsg_data(message));
    if (found->family == header.family) rules.push_back(to_rule(message, family));
  });
}

int list_routes(Family family, std::vector<LiveRoute>& routes) {
  routes.clear();
  rtmsg header{};
  header.rtm_family = static_cast<std::uint8_t>(address_family(family));
  return list(RTM_GETROUTE, &header, sizeof header, [&](nlmsghdr* message) {
    // A kernel without the family lists the routes of all others.
    if (static_cast<const rtmsg*>(nlmsg_data(message))->rtm_family != header.rtm_family) return;
    LiveRoute route = to_route(message, family);
    if (!is_of_the_kernel(route)) routes.push_back(std::move(route));
  });
}

template <class Live>
int list_whole(int (*list_once)(Family, std::vector<Live>&), Family family, std::vector<Live>& found) {
  int result = -NLE_DUMP_INTR;
  for (int i = 0; i < kTriesWhenChanged && result == -NLE_DUMP_INTR; ++i) result = list_once(family, found);
  return result;
}

Address parsed(const std::string& text, Family family) {
  nl_addr* address = nullptr;
  check(nl_addr_parse(text.c_str(), address_family(family), &address), "parse an address");
  return Address{address};
}

void remove_listed(const std::vector<char>& listed, std::uint16_t type, const std::string& what) {
  nlmsghdr header{};
  std::memcpy(&header, listed.data(), sizeof header);
  const auto message = owned<Message>(nlmsg_alloc_simple(type, 0));
  const std::size_t size = header.nlmsg_len - NLMSG_HDRLEN;
  void* const body = nlmsg_reserve(message.get(), size, NLMSG_ALIGNTO);
  if (body == nullptr) throw std::bad_alloc{};
  std::memcpy(body, listed.data() + NLMSG_HDRLEN, size);
  const Socket socket = connected();
  int result = nl_send_auto(socket.get(), message.get());
  if (result >= 0) result = nl_wait_for_ack(socket.get());
  if (result != -NLE_OBJ_NOTFOUND) check(result, what);
}

}  // namespace

Routing read(Family family) {
  Routing routing;
  const int rules = list_whole(list_rules, family, routing.rules);
  const int routes = is_unsupported(rules) ? rules : list_whole(list_routes, family, routing.routes);
  if (is_unsupported(rules) || is_unsupported(routes)) return {};
  check(rules, "list the rules");
  check(routes, "list the routes");
  routing.is_supported = true;
  return routing;
}

void add(const NewRule& wanted) {
  const auto rule = owned<RulePtr>(rtnl_rule_alloc());
  rtnl_rule_set_family(rule.get(), address_family(wanted.family));
  rtnl_rule_set_prio(rule.get(), wanted.preference);
  rtnl_rule_set_src(rule.get(), parsed(wanted.source, wanted.family).get());
  rtnl_rule_set_iif(rule.get(), "lo");
  rtnl_rule_set_table(rule.get(), wanted.table);
  rtnl_rule_set_action(rule.get(), FR_ACT_TO_TBL);
  rtnl_rule_set_protocol(rule.get(), wanted.protocol);
  check(rtnl_rule_add(connected().get(), rule.get(), NLM_F_CREATE | NLM_F_EXCL),
        fmt::format("lead to table {} for {}", wanted.table, name_of(wanted.family)));
}

// NLM_F_EXCL: with NLM_F_REPLACE the kernel would put it in the place of somebody else's.
void add(const NewRoute& wanted) {
  const auto route = owned<RoutePtr>(rtnl_route_alloc());
  rtnl_route_set_family(route.get(), static_cast<std::uint8_t>(address_family(wanted.family)));
  rtnl_route_set_table(route.get(), wanted.table);
  rtnl_route_set_type(route.get(), RTN_LOCAL);
  rtnl_route_set_scope(route.get(), RT_SCOPE_HOST);
  rtnl_route_set_protocol(route.get(), wanted.protocol);
  const char* everything = wanted.family == Family::kIpv4 ? "0.0.0.0/0" : "::/0";
  rtnl_route_set_dst(route.get(), parsed(everything, wanted.family).get());
  rtnl_nexthop* hop = rtnl_route_nh_alloc();
  if (hop == nullptr) throw std::bad_alloc{};
  rtnl_route_nh_set_ifindex(hop, static_cast<int>(::if_nametoindex("lo")));
  rtnl_route_add_nexthop(route.get(), hop);
  check(rtnl_route_add(connected().get(), route.get(), NLM_F_CREATE | NLM_F_EXCL),
        fmt::format("fill table {} for {}", wanted.table, name_of(wanted.family)));
}

void remove(const LiveRule& rule) { remove_listed(rule.message, RTM_DELRULE, "remove the rule " + rule.text); }

void remove(const LiveRoute& route) { remove_listed(route.message, RTM_DELROUTE, "remove the route " + route.text); }

}  // namespace sidelock::rtnetlink
