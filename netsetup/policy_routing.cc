// See policy_routing.h. Packets over lo keep the route that they were sent with, so that neither martian nor reverse
// path filters see them, and the reply's source address chooses the table before any other route is looked at.
#include "netsetup/policy_routing.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <fstream>

#include <fmt/format.h>
#include <net/if.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include "base/fd.h"
#include "netsetup/rtnetlink.h"

namespace sidelock {

namespace {

using rtnetlink::LiveRoute;
using rtnetlink::LiveRule;
using rtnetlink::Routing;

using Tables = std::vector<LoopbackRouting>;

constexpr std::array kFamilies{Family::kIpv4, Family::kIpv6};
constexpr std::uint8_t kProtocol = 93;  // who made a rule or a route; not one of those in rtnetlink.h
constexpr std::uint32_t kPreference =
    101;  // before those of network plugins, behind the kernel's own for local addresses

const char* source_of(Family family) { return family == Family::kIpv4 ? "127.0.0.0/8" : "::1/128"; }

std::string rule_text(const LoopbackRouting& routing) {
  return fmt::format("{}: from {} iif lo lookup {} proto {}", kPreference, source_of(routing.family), routing.table,
                     kProtocol);
}

std::string route_text(const LoopbackRouting& routing) {
  return fmt::format("local default dev lo table {} proto {}", routing.table, kProtocol);
}

const char* program_for(Family family) { return family == Family::kIpv4 ? "ip" : "ip -6"; }

std::string rule_command(const LoopbackRouting& routing) {
  return fmt::format("{} rule add pref {} from {} iif lo lookup {} protocol {}", program_for(routing.family),
                     kPreference, source_of(routing.family), routing.table, kProtocol);
}

std::string route_command(const LoopbackRouting& routing) {
  return fmt::format("{} route replace local default dev lo table {} proto {}", program_for(routing.family),
                     routing.table, kProtocol);
}

template <class Live>
bool is_ours(const Live& live) {
  return live.protocol == kProtocol;
}

template <class Live>
bool has(const std::vector<Live>& live, const std::string& text) {
  return std::ranges::find(live, text, &Live::text) != live.end();
}

bool is_whole(const Routing& live, const LoopbackRouting& routing) {
  return has(live.rules, rule_text(routing)) && has(live.routes, route_text(routing));
}

bool is_loopback_up() {
  const Fd socket{::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0)};
  ifreq request{};
  std::strncpy(request.ifr_name, "lo", sizeof request.ifr_name - 1);
  if (!socket || ::ioctl(socket.get(), SIOCGIFFLAGS, &request) != 0) return true;  // not known: the kernel will tell
  return (request.ifr_flags & IFF_UP) != 0;
}

void refuse_others(const Routing& live, const LoopbackRouting& routing) {
  const auto refuse = [&routing](const std::string& what, const std::string& way_out) {
    throw Failure{ExitCode::kUsage, fmt::format("--route-table {}: {} {}, which is not ours; {}", routing.table,
                                                name_of(routing.family), what, way_out)};
  };
  const std::string other_table = "choose a table from 256 on that nobody else uses";
  for (const LiveRoute& route : live.routes) {
    if (route.table == routing.table && !is_ours(route)) {
      refuse(fmt::format("has the route `{}` there", route.text), other_table);
    }
  }
  for (const LiveRule& rule : live.rules) {
    if (is_ours(rule)) continue;
    if (rule.table == routing.table) refuse(fmt::format("is led there by the rule `{}`", rule.text), other_table);
    if (rule.preference == kPreference) {
      refuse(fmt::format("has another rule, `{}`, at the preference of the one that leads there", rule.text),
             fmt::format("give it another than {}", kPreference));
    }
  }
}

void refuse_impossible(const Routing& live, const LoopbackRouting& routing) {
  if (!live.is_supported) {
    throw Failure{ExitCode::kNoBackend,
                  fmt::format("--preserve-source: this kernel has no policy routing for {}", name_of(routing.family))};
  }
  refuse_others(live, routing);
}

// What is ours and not quite as wanted has to go first: the kernel takes an inverted rule, for one, for the same.
template <class Live>
void make_way(const std::vector<Live>& live, std::uint32_t table) {
  for (const Live& one : live) {
    if (is_ours(one) && one.table == table) rtnetlink::remove(one);
  }
}

void make(const Routing& live, const LoopbackRouting& routing) {
  if (!has(live.routes, route_text(routing))) {
    make_way(live.routes, routing.table);
    rtnetlink::add(rtnetlink::NewRoute{routing.family, routing.table, kProtocol});
  }
  if (!has(live.rules, rule_text(routing))) {
    make_way(live.rules, routing.table);
    rtnetlink::add(
        rtnetlink::NewRule{routing.family, kPreference, routing.table, kProtocol, source_of(routing.family)});
  }
}

// Rules first: a rule without its route would do no harm, but a route without its rule is nothing that looks wrong.
bool remove_others(Family family, const Tables& kept) {
  const Routing live = rtnetlink::read(family);
  const auto is_kept = [&](const auto& one, std::string (*text)(const LoopbackRouting&)) {
    return std::ranges::any_of(
        kept, [&](const LoopbackRouting& routing) { return routing.family == family && text(routing) == one.text; });
  };
  bool found = false;
  for (const LiveRule& rule : live.rules) {
    if (!is_ours(rule) || is_kept(rule, rule_text)) continue;
    rtnetlink::remove(rule);
    found = true;
  }
  for (const LiveRoute& route : live.routes) {
    if (!is_ours(route) || is_kept(route, route_text)) continue;
    rtnetlink::remove(route);
    found = true;
  }
  return found;
}

bool has_ipv6_on_loopback() {
  std::ifstream file{"/proc/sys/net/ipv6/conf/lo/disable_ipv6"};
  int is_disabled = 1;
  return file >> is_disabled && is_disabled == 0;
}

RoutingFault missing(const LoopbackRouting& routing, const std::string& what, const std::string& command) {
  return {fmt::format("{}: there is no {}, so the app's replies to clients do not come to `run`",
                      name_of(routing.family), what),
          command};
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
  return rule_command(routing) + '\n' + route_command(routing) + '\n';
}

std::vector<LoopbackRouting> read_routing() {
  Tables whole;
  for (const Family family : kFamilies) {
    const Routing live = rtnetlink::read(family);
    for (const LiveRule& rule : live.rules) {
      const LoopbackRouting routing{family, rule.table};
      if (is_ours(rule) && rule.text == rule_text(routing) && is_whole(live, routing)) whole.push_back(routing);
    }
  }
  std::ranges::sort(whole, {}, [](const LoopbackRouting& one) { return std::pair{one.family, one.table}; });
  return whole;
}

void refuse_impossible_routing(const std::vector<LoopbackRouting>& wanted) {
  for (const LoopbackRouting& routing : wanted) refuse_impossible(rtnetlink::read(routing.family), routing);
  if (!wanted.empty() && !is_loopback_up()) {
    throw Failure{
        ExitCode::kFailure,
        "--preserve-source: the interface lo is down, and the app's replies come over it; `ip link set lo up`"};
  }
}

void apply_routing(const std::vector<LoopbackRouting>& wanted) {
  refuse_impossible_routing(wanted);
  for (const LoopbackRouting& routing : wanted) make(rtnetlink::read(routing.family), routing);
  for (const Family family : kFamilies) remove_others(family, wanted);
}

std::optional<RoutingFault> routing_fault(const std::vector<LoopbackRouting>& wanted) {
  if (!wanted.empty() && !is_loopback_up())
    return RoutingFault{"the interface lo is down, over which the app's replies come to `run`", "ip link set lo up"};
  for (const LoopbackRouting& routing : wanted) {
    const Routing live = rtnetlink::read(routing.family);
    try {
      refuse_impossible(live, routing);
    } catch (const Failure& failure) {
      return RoutingFault{failure.what(), "sidelock init --route-table NUMBER", failure.code()};
    }
    if (!has(live.rules, rule_text(routing)))
      return missing(routing, "rule `" + rule_text(routing) + '`', rule_command(routing));
    if (!has(live.routes, route_text(routing)))
      return missing(routing, "route `" + route_text(routing) + '`', route_command(routing));
  }
  for (const LoopbackRouting& routing : read_routing()) {
    if (std::ranges::find(wanted, routing) != wanted.end()) continue;
    return RoutingFault{
        fmt::format("{}: the rule `{}` is of other settings", name_of(routing.family), rule_text(routing)),
        fmt::format("{} rule del pref {} lookup {}", program_for(routing.family), kPreference, routing.table)};
  }
  return std::nullopt;
}

bool remove_routing() {
  bool found = false;
  for (const Family family : kFamilies) found |= remove_others(family, {});
  return found;
}

}  // namespace sidelock
