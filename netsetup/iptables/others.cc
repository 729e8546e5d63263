// See others.h. Of the built-in chains only PREROUTING counts: what comes later finds a captured connection translated.
#include "netsetup/iptables/others.h"

#include <algorithm>
#include <string_view>
#include <utility>

#include "netsetup/narrowed.h"

namespace sidelock::iptables {

namespace {

bool is_ours(const Decoded& decoded) { return sidelock::is_ours(decoded.rule); }

// What leaves table raw early meets our rules all the same.
bool is_terminal(const Rule& rule, Table table) {
  if (table == Table::kRaw && (rule.target == "ACCEPT" || rule.target == kReturn)) return false;
  return !passes_on(rule.target);
}

bool is_untracking(std::string_view target) { return target == "CT" || target == "NOTRACK"; }

struct Led {
  std::string chain;
  Decoded decoded;     // with what the jumps to it ask for
  std::size_t at = 0;  // the rule of PREROUTING that leads to it, or is it
};

// Follows jumps from PREROUTING to the rules that send connections to another port or another program.
class Follower {
 public:
  Follower(const TableHandle& table, std::string_view target)
      : table_{table}, chains_{table.chains()}, target_{target} {}

  std::vector<Led> follow() {
    visit("PREROUTING", Narrowed{}, true);
    return std::move(found_);
  }

 private:
  void visit(const std::string& chain, Narrowed way, bool may_match_tcp) {
    std::size_t at = 0;
    for (Decoded& decoded : table_.rules(chain)) {
      if (chain == "PREROUTING") at_ = at++;
      if (is_ours(decoded)) continue;
      decoded.may_match_tcp = decoded.may_match_tcp && may_match_tcp;
      const std::string target = decoded.rule.target;
      if (target == kReturn || target == "ACCEPT") {
        if (decoded.may_match_tcp) way.leave(decoded.rule);
        continue;
      }
      decoded.rule = way.rule(std::move(decoded.rule));
      if (target == target_) {
        found_.push_back({chain, decoded, at_});
      } else if (std::ranges::find(chains_, target) != chains_.end()) {
        visit(target, Narrowed{decoded.rule}, decoded.may_match_tcp);  // the kernel refuses loops
      }
    }
  }

  const TableHandle& table_;
  std::vector<std::string> chains_;
  std::string_view target_;
  std::vector<Led> found_;
  std::size_t at_ = 0;
};

}  // namespace

void add_foreign(Foreign& foreign, Family family, Table name, BackendKind ours) {
  const std::optional<TableHandle> table = TableHandle::open_if_present(family, name);
  if (!table) return;
  for (const std::string& chain : table->chains()) {
    if (name == Table::kNat && !is_our_chain(chain)) foreign.nat_chains.push_back(chain);
  }
  // What only looks at packets that have arrived comes too late to take them.
  if (name == Table::kFilter) return;
  const std::string place = std::string{name_of(family)} + " table " + std::string{name_of(name)};
  const std::vector<Decoded> rules = table->rules("PREROUTING");
  // Before the last of ours: with several interfaces, a rule between our jumps stands before one of them.
  const auto last = std::find_if(rules.rbegin(), rules.rend(), is_ours).base() - rules.begin();
  // Our chains in nftables come before these tables, all but raw.
  const auto is_before = [&](std::size_t at) {
    return name == Table::kRaw || (ours == BackendKind::kIptables && std::cmp_less(at, last));
  };
  for (std::size_t at = 0; at < rules.size(); ++at) {
    if (is_ours(rules[at])) continue;
    const Rule& rule = rules[at].rule;
    foreign.rules.push_back({family, place, to_text(rule, "PREROUTING", family), rule, rules[at].may_match_tcp,
                             is_before(at), is_terminal(rule, name), is_untracking(rule.target)});
  }
  const auto led = [&](const Led& one) {
    return ForeignRule{family,
                       place + ", chain " + one.chain,
                       to_text(one.decoded.rule, one.chain, family),
                       one.decoded.rule,
                       one.decoded.may_match_tcp,
                       is_before(one.at),
                       true};
  };
  if (name == Table::kMangle) {
    for (const Led& one : Follower{*table, kTproxy}.follow()) {
      foreign.rules.push_back(led(one));
      foreign.rules.back().is_before_nat = true;
    }
  } else if (name == Table::kNat) {
    for (const Led& one : Follower{*table, kRedirect}.follow()) foreign.redirections.push_back(led(one));
  }
}

}  // namespace sidelock::iptables
