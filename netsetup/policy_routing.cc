// See policy_routing.h. Packets over lo keep the route that they were sent with, so that neither martian nor reverse
// path filters see them, and the reply's source address chooses the table before any other route is looked at.
#include "netsetup/policy_routing.h"

#include <algorithm>
#include <fstream>
#include <functional>
#include <memory>

#include <fmt/format.h>
#include <linux/fib_rules.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <sys/socket.h>

extern "C" {
#include <netlink/netlink.h>
#include <netlink/route/nexthop.h>
#include <netlink/route/route.h>
#include <netlink/route/rule.h>
}

#include "base/error.h"
#include "base/freed.h"

namespace sidelock {

namespace {

using Socket = std::unique_ptr<nl_sock, Freed<nl_socket_free>>;
using Address = std::unique_ptr<nl_addr, Freed<nl_addr_put>>;
using Cache = std::unique_ptr<nl_cache, Freed<nl_cache_free>>;
using RuleHandle = std::unique_ptr<rtnl_rule, Freed<rtnl_rule_put>>;
using RouteHandle = std::unique_ptr<rtnl_route, Freed<rtnl_route_put>>;

constexpr std::uint8_t kProtocol = 93;  // who made a rule or a route; not one of those in rtnetlink.h
constexpr std::uint32_t kPreference =
    101;  // before those of network plugins, behind the kernel's own for local addresses

void check(int result, const std::string& what) {
  if (result >= 0) return;
  const bool is_permission = result == -NLE_PERM || result == -NLE_NOACCESS;
  throw Failure{is_permission ? ExitCode::kMissingPermission : ExitCode::kFailure,
                fmt::format("policy routing: {}: {}{}", what, nl_geterror(result),
                            is_permission ? "; give `sidelock init` the capability NET_ADMIN" : "")};
}

Socket connected() {
  Socket socket{nl_socket_alloc()};
  if (!socket) throw std::bad_alloc{};
  check(nl_connect(socket.get(), NETLINK_ROUTE), "open a netlink socket");
  return socket;
}

const char* source_of(Family family) { return family == Family::kIpv4 ? "127.0.0.0/8" : "::1/128"; }

Address parsed(const char* text, Family family) {
  nl_addr* address = nullptr;
  check(nl_addr_parse(text, address_family(family), &address), "parse an address");
  return Address{address};
}

RuleHandle rule_of(const LoopbackRouting& routing) {
  RuleHandle rule{rtnl_rule_alloc()};
  if (!rule) throw std::bad_alloc{};
  rtnl_rule_set_family(rule.get(), address_family(routing.family));
  rtnl_rule_set_prio(rule.get(), kPreference);
  rtnl_rule_set_src(rule.get(), parsed(source_of(routing.family), routing.family).get());
  rtnl_rule_set_iif(rule.get(), "lo");
  rtnl_rule_set_table(rule.get(), routing.table);
  rtnl_rule_set_action(rule.get(), FR_ACT_TO_TBL);
  rtnl_rule_set_protocol(rule.get(), kProtocol);
  return rule;
}

RouteHandle route_of(const LoopbackRouting& routing) {
  RouteHandle route{rtnl_route_alloc()};
  if (!route) throw std::bad_alloc{};
  rtnl_route_set_family(route.get(), static_cast<std::uint8_t>(address_family(routing.family)));
  rtnl_route_set_table(route.get(), routing.table);
  rtnl_route_set_type(route.get(), RTN_LOCAL);
  rtnl_route_set_scope(route.get(), RT_SCOPE_HOST);
  rtnl_route_set_protocol(route.get(), kProtocol);
  const char* everything = routing.family == Family::kIpv4 ? "0.0.0.0/0" : "::/0";
  rtnl_route_set_dst(route.get(), parsed(everything, routing.family).get());
  rtnl_nexthop* hop = rtnl_route_nh_alloc();
  if (hop == nullptr) throw std::bad_alloc{};
  rtnl_route_nh_set_ifindex(hop, static_cast<int>(::if_nametoindex("lo")));
  rtnl_route_add_nexthop(route.get(), hop);
  return route;
}

std::string what(const char* verb, const LoopbackRouting& routing) {
  return fmt::format("{} table {} for {}", verb, routing.table, name_of(routing.family));
}

// An object that is made over again is the same object, and one that is gone need not be removed.
void make(nl_sock* socket, const LoopbackRouting& routing) {
  const RouteHandle route = route_of(routing);
  check(rtnl_route_add(socket, route.get(), NLM_F_CREATE | NLM_F_REPLACE), what("fill", routing));
  const RuleHandle rule = rule_of(routing);
  const int result = rtnl_rule_add(socket, rule.get(), NLM_F_CREATE | NLM_F_EXCL);
  if (result != -NLE_EXIST) check(result, what("lead to", routing));
}

template <class Handle>
Cache listed(nl_sock* socket, Family family) {
  nl_cache* cache = nullptr;
  if constexpr (std::is_same_v<Handle, rtnl_rule>) {
    check(rtnl_rule_alloc_cache(socket, address_family(family), &cache), "list the rules");
  } else {
    check(rtnl_route_alloc_cache(socket, address_family(family), 0, &cache), "list the routes");
  }
  return Cache{cache};
}

bool is_ours(rtnl_rule* rule, Family family) {
  std::uint8_t protocol = 0;
  return rtnl_rule_get_family(rule) == address_family(family) && rtnl_rule_get_protocol(rule, &protocol) == 0 &&
         protocol == kProtocol;
}

bool is_ours(rtnl_route* route, Family family) {
  return rtnl_route_get_family(route) == address_family(family) && rtnl_route_get_protocol(route) == kProtocol;
}

template <class Handle>
void for_each_of_ours(nl_sock* socket, const std::function<void(Handle*, Family)>& each) {
  for (const Family family : {Family::kIpv4, Family::kIpv6}) {
    const Cache cache = listed<Handle>(socket, family);
    for (nl_object* object = nl_cache_get_first(cache.get()); object != nullptr; object = nl_cache_get_next(object)) {
      auto* handle = reinterpret_cast<Handle*>(object);
      if (is_ours(handle, family)) each(handle, family);
    }
  }
}

bool is_as_made(rtnl_rule* rule, Family family) {
  const char* in = rtnl_rule_get_iif(rule);
  return rtnl_rule_get_prio(rule) == kPreference && in != nullptr && std::string_view{in} == "lo" &&
         rtnl_rule_get_src(rule) != nullptr &&
         nl_addr_cmp(rtnl_rule_get_src(rule), parsed(source_of(family), family).get()) == 0;
}

bool is_as_made(rtnl_route* route) {
  return rtnl_route_get_type(route) == RTN_LOCAL && nl_addr_get_prefixlen(rtnl_route_get_dst(route)) == 0;
}

using Tables = std::vector<LoopbackRouting>;

bool contains(const Tables& tables, const LoopbackRouting& one) {
  return std::ranges::find(tables, one) != tables.end();
}

// Rules first: a rule without its route would do no harm, but a route without its rule is nothing that looks wrong.
bool remove_others(nl_sock* socket, const Tables& kept) {
  bool found = false;
  for_each_of_ours<rtnl_rule>(socket, [&](rtnl_rule* rule, Family family) {
    if (contains(kept, {family, rtnl_rule_get_table(rule)}) && is_as_made(rule, family)) return;
    const int result = rtnl_rule_delete(socket, rule, 0);
    if (result != -NLE_OBJ_NOTFOUND) check(result, "remove a rule");
    found = true;
  });
  for_each_of_ours<rtnl_route>(socket, [&](rtnl_route* route, Family family) {
    if (contains(kept, {family, rtnl_route_get_table(route)}) && is_as_made(route)) return;
    const int result = rtnl_route_delete(socket, route, 0);
    if (result != -NLE_OBJ_NOTFOUND) check(result, "remove a route");
    found = true;
  });
  return found;
}

bool has_ipv6_on_loopback() {
  std::ifstream file{"/proc/sys/net/ipv6/conf/lo/disable_ipv6"};
  int is_disabled = 1;
  return file >> is_disabled && is_disabled == 0;
}

}  // namespace

std::vector<LoopbackRouting> wanted_routing(const CaptureSettings& settings) {
  std::vector<LoopbackRouting> wanted;
  if (!settings.is_source_preserved) return wanted;
  if (settings.ip_family != IpFamily::kIpv6) wanted.push_back({Family::kIpv4, settings.route_table});
  if (settings.ip_family != IpFamily::kIpv4 && has_ipv6_on_loopback())
    wanted.push_back({Family::kIpv6, settings.route_table});
  return wanted;
}

std::string to_text(const LoopbackRouting& routing) {
  const char* ip = routing.family == Family::kIpv4 ? "ip" : "ip -6";
  return fmt::format(
      "{} rule add pref {} from {} iif lo lookup {} protocol {}\n{} route replace local default dev lo "
      "table {} proto {}\n",
      ip, kPreference, source_of(routing.family), routing.table, kProtocol, ip, routing.table, kProtocol);
}

std::vector<LoopbackRouting> read_routing() {
  const Socket socket = connected();
  Tables with_route;
  Tables whole;
  for_each_of_ours<rtnl_route>(socket.get(), [&](rtnl_route* route, Family family) {
    if (is_as_made(route)) with_route.push_back({family, rtnl_route_get_table(route)});
  });
  for_each_of_ours<rtnl_rule>(socket.get(), [&](rtnl_rule* rule, Family family) {
    const LoopbackRouting routing{family, rtnl_rule_get_table(rule)};
    if (is_as_made(rule, family) && contains(with_route, routing)) whole.push_back(routing);
  });
  std::ranges::sort(whole, {}, [](const LoopbackRouting& one) { return std::pair{one.family, one.table}; });
  return whole;
}

void apply_routing(const std::vector<LoopbackRouting>& wanted) {
  const Socket socket = connected();
  for (const LoopbackRouting& routing : wanted) make(socket.get(), routing);
  remove_others(socket.get(), wanted);
}

bool remove_routing() { return remove_others(connected().get(), {}); }

}  // namespace sidelock
