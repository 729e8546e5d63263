// See others.h.
#include "netsetup/nftables/others.h"

#include <algorithm>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <linux/netfilter.h>

#include "netsetup/narrowed.h"
#include "netsetup/nftables/layout.h"
#include "netsetup/nftables/ruleset.h"
#include "netsetup/nftables/text.h"

namespace sidelock::nftables {

namespace {

Family family_of(std::uint32_t protocol) {
  if (protocol == NFPROTO_IPV4) return Family::kIpv4;
  return protocol == NFPROTO_IPV6 ? Family::kIpv6 : Family::kInet;
}

const char* family_text(std::uint32_t protocol) {
  switch (protocol) {
    case NFPROTO_IPV4: return "ip";
    case NFPROTO_IPV6: return "ip6";
    case NFPROTO_INET: return "inet";
    case NFPROTO_NETDEV: return "netdev";
    default: return "?";
  }
}

// Priorities of iptables' own chains: linux/netfilter_ipv4.h (nf_ip_hook_priorities).
constexpr int kIptablesMangle = -150;
constexpr int kIptablesNat = -100;

int priority_of_ours(bool is_nat, BackendKind ours) {
  if (ours == BackendKind::kIptables) return is_nat ? kIptablesNat : kIptablesMangle;
  return is_nat ? kNatPriority : kManglePriority;
}

bool sees_incoming(const LiveChain& chain) {
  const bool is_ip = chain.family == NFPROTO_IPV4 || chain.family == NFPROTO_IPV6 || chain.family == NFPROTO_INET;
  return is_ip && chain.hook == NF_INET_PRE_ROUTING;
}

// Whether the chain sees packets before the chain of ours that captures them. Ingress comes before all others. Of two
// chains with one priority the kernel calls the one first that was registered last.
bool is_before_ours(const LiveChain& chain, BackendKind ours) {
  const bool is_ingress =
      chain.family == NFPROTO_NETDEV || (chain.family == NFPROTO_INET && chain.hook == NF_INET_INGRESS);
  if (is_ingress) return true;
  return sees_incoming(chain) && chain.priority <= priority_of_ours(chain.type == "nat", ours);
}

ForeignRule foreign_rule(const LiveRule& live, const Rule& rule) {
  const Decoded& decoded = live.decoded;
  return {family_of(live.family),
          std::string{"table "} + family_text(live.family) + ' ' + live.table + ", chain " + live.chain,
          match_text(decoded.rule) + decoded.ending,
          rule,
          decoded.may_match_tcp,
          false,
          decoded.is_terminal,
          decoded.ending == "notrack"};
}

// Follows jumps from a base chain to the rules with one target, with what is asked for on the way to them.
class Follower {
 public:
  Follower(const std::vector<LiveRule>& rules, const LiveChain& base, std::string_view target)
      : rules_{rules}, base_{base}, target_{target} {}

  std::vector<ForeignRule> follow() {
    visit(base_.name, Narrowed{}, 0);
    return std::move(found_);
  }

 private:
  void visit(const std::string& chain, Narrowed way, int depth) {
    constexpr int kDeepest = 16;  // as in the kernel, which refuses loops; what is read while it changes may have one
    if (depth > kDeepest) return;
    for (const LiveRule& live : rules_) {
      if (live.family != base_.family || live.table != base_.table || live.chain != chain) continue;
      const Decoded& decoded = live.decoded;
      if (!decoded.may_match_tcp) continue;
      if (decoded.rule.target == kReturn || decoded.rule.target == "ACCEPT") {
        way.leave(decoded.rule);
        continue;
      }
      const Rule narrowed = way.rule(decoded.rule);
      if (decoded.rule.target == target_) found_.push_back(foreign_rule(live, narrowed));
      if (!decoded.jumps_to.empty()) visit(decoded.jumps_to, Narrowed{narrowed}, depth + 1);
    }
  }

  const std::vector<LiveRule>& rules_;
  const LiveChain& base_;
  std::string_view target_;
  std::vector<ForeignRule> found_;
};

// Rules in the order in which a packet may meet them, through jumps.
class Walk {
 public:
  explicit Walk(const std::vector<LiveRule>& rules) : rules_{rules} {}

  void from(const LiveChain& base) {
    seen_.clear();
    visit(base, base.name);
  }

  std::vector<ForeignRule> take() { return std::move(found_); }

 private:
  void visit(const LiveChain& base, const std::string& chain) {
    if (!seen_.insert(chain).second) return;
    for (const LiveRule& live : rules_) {
      if (live.family != base.family || live.table != base.table || live.chain != chain) continue;
      if (!live.decoded.may_match_tcp) continue;
      found_.push_back(foreign_rule(live, live.decoded.rule));
      found_.back().is_before_ours = true;
      if (!live.decoded.jumps_to.empty()) visit(base, live.decoded.jumps_to);
    }
  }

  const std::vector<LiveRule>& rules_;
  std::set<std::string> seen_;
  std::vector<ForeignRule> found_;
};

}  // namespace

Foreign others(BackendKind ours) {
  Foreign foreign;
  const std::vector<LiveRule> rules = live_rules();
  Walk walk{rules};
  std::vector<ForeignRule> between;  // our chain of mangle and that of nat
  for (const LiveChain& chain : live_chains()) {
    if (is_ours(chain)) continue;
    foreign.nat_chains.push_back(chain.name);
    if (!chain.is_base) continue;
    const bool is_first = is_before_ours(chain, ours);
    if (is_first) walk.from(chain);
    if (!sees_incoming(chain)) continue;
    if (chain.type == "nat") {
      for (ForeignRule& rule : Follower{rules, chain, kRedirect}.follow())
        foreign.redirections.push_back(std::move(rule));
    } else if (!is_first && chain.priority <= priority_of_ours(true, ours)) {
      for (ForeignRule& rule : Follower{rules, chain, kTproxy}.follow()) {
        rule.is_before_nat = true;
        between.push_back(std::move(rule));
      }
    }
  }
  foreign.rules = walk.take();
  foreign.rules.insert(foreign.rules.end(), between.begin(), between.end());
  return foreign;
}

}  // namespace sidelock::nftables
