// See walk.h.
#include "doctor/walk.h"

#include <algorithm>
#include <optional>
#include <string_view>

#include "base/interface_pattern.h"
#include "netsetup/nftables/text.h"
#include "netsetup/verify.h"

namespace sidelock {

namespace {

constexpr int kDeepest = 16;  // the kernel refuses loops of chains; what is read while it changes may have one

enum class Match { kNo, kYes, kPerhaps };

bool is_interface(const InterfaceMatch& match, const std::string& name) {
  return fits(match.name, name) != match.is_inverted;
}

// A built-in chain as this packet meets it: from outside with the interface by which it came, within the namespace
// first on its way out by lo, then on its way in by lo. Whatever comes to INPUT has not been translated by a rule here.
struct Stage {
  std::string_view chain;
  std::string in;
  std::string out;
};

std::vector<Stage> stages_of(const FirstPacket& packet) {
  std::vector<Stage> stages{{"PREROUTING", packet.interface, ""}};
  if (packet.interface == "lo") stages.insert(stages.begin(), {"OUTPUT", "", "lo"});
  if (packet.is_destination_local) stages.push_back({"INPUT", packet.interface, ""});
  return stages;
}

bool is_family(Family family, const FirstPacket& packet) {
  return family == Family::kInet || address_family(family) == packet.destination.address.family();
}

bool has_port(const Rule& rule, std::uint16_t port) {
  const std::vector<PortRange> ports = destination_ports_of(rule);
  const auto holds = [port](const PortRange& range) { return range.first <= port && port <= range.last; };
  return ports.empty() || std::ranges::any_of(ports, holds);
}

Match match(const Rule& rule, const FirstPacket& packet, const Stage& stage) {
  if (rule.family && !is_family(*rule.family, packet)) return Match::kNo;
  if (rule.source && !rule.source->contains(packet.source.address)) return Match::kNo;
  if (rule.in && !is_interface(*rule.in, stage.in)) return Match::kNo;
  if (rule.out && !is_interface(*rule.out, stage.out)) return Match::kNo;
  if (!has_port(rule, packet.destination.port)) return Match::kNo;
  if (rule.is_destination_local && !packet.is_destination_local) return Match::kNo;
  if (rule.is_state_invalid) return Match::kNo;  // the first packet of a connection is NEW
  return rule.has_more ? Match::kPerhaps : Match::kYes;
}

// Where it leads this port; with one capture port each, the n-th port of the rule goes n - 1 ports further.
std::uint16_t capture_port(const Rule& rule, std::uint16_t port) {
  unsigned offset = 0;
  for (const PortRange& range : rule.is_one_port_each ? destination_ports_of(rule) : std::vector<PortRange>{}) {
    if (port <= range.last) return static_cast<std::uint16_t>(rule.to_port + offset + port - range.first);
    offset += range.last - range.first + 1U;
  }
  return rule.to_port;
}

class Walker {
 public:
  Walker(const Plan& ours, const Foreign& foreign, const FirstPacket& packet)
      : ours_{ours}, foreign_{foreign}, packet_{packet} {}

  Walk walk();

 private:
  // All of them: nothing, when the packet goes on.
  std::optional<Fate> through_all(const Stage& stage);
  std::optional<Fate> through_hooks(const TablePlan& table, const Stage& stage);
  std::optional<Fate> through_foreign(bool is_before_ours, const Stage& stage);
  std::optional<Fate> through_rule(const TablePlan& table, const Rule& rule, const std::string& chain,
                                   const Stage& stage, int depth);
  std::optional<Fate> through_chain(const TablePlan& table, const Chain& chain, const Stage& stage, int depth);
  [[nodiscard]] std::string text_of(const Rule& rule, const std::string& chain) const;
  [[nodiscard]] Family family() const;
  [[nodiscard]] bool is_redirecting() const;

  const Plan& ours_;
  const Foreign& foreign_;
  const FirstPacket& packet_;
  Walk way_;
};

Family Walker::family() const { return packet_.destination.address.is_ipv4() ? Family::kIpv4 : Family::kIpv6; }

bool Walker::is_redirecting() const {
  return std::ranges::any_of(ours_.families, [](const FamilyPlan& family) {
    const auto nat = std::ranges::find(family.tables, Table::kNat, &TablePlan::table);
    return nat != family.tables.end() && !nat->is_empty();
  });
}

std::string Walker::text_of(const Rule& rule, const std::string& chain) const {
  return ours_.backend == BackendKind::kIptables ? to_text(rule, chain, family())
                                                 : chain + ": " + nftables::to_text(rule);
}

std::optional<Fate> Walker::through_rule(const TablePlan& table, const Rule& rule, const std::string& chain,
                                         const Stage& stage, int depth) {
  const Match matched = match(rule, packet_, stage);
  if (matched == Match::kNo) return std::nullopt;
  way_.rules.push_back(text_of(rule, chain));
  if (matched == Match::kPerhaps || depth > kDeepest) return Fate::kUncertain;
  if (rule.target == kDrop) return Fate::kDropped;
  if (rule.target == kReject) return Fate::kRejected;
  if (rule.to_port != 0) {
    way_.is_diverted = rule.target == kTproxy;
    way_.to_port = capture_port(rule, packet_.destination.port);
    return Fate::kCaptured;
  }
  const auto next = std::ranges::find(table.chains, rule.target, &Chain::name);
  if (next == table.chains.end()) return Fate::kUncertain;
  return through_chain(table, *next, stage, depth + 1);
}

std::optional<Fate> Walker::through_chain(const TablePlan& table, const Chain& chain, const Stage& stage, int depth) {
  for (const Rule& rule : chain.rules) {
    if (rule.target == kReturn && match(rule, packet_, stage) == Match::kYes) {
      way_.rules.push_back(text_of(rule, chain.name));
      return std::nullopt;
    }
    if (const auto fate = through_rule(table, rule, chain.name, stage, depth)) return fate;
  }
  return std::nullopt;
}

std::optional<Fate> Walker::through_hooks(const TablePlan& table, const Stage& stage) {
  // Connection tracking has decided about the address on the way out: nat does not look again on the way in.
  if (table.table == Table::kNat && stage.in == "lo") return std::nullopt;
  for (const Hook& hook : table.hooks) {
    if (hook.chain != stage.chain) continue;
    if (const auto fate = through_rule(table, hook.rule, hook.chain, stage, 0)) return fate;
  }
  return std::nullopt;
}

// What others' rules do is known for the plain verdicts; everything else leads somewhere that is not read. Only those
// of PREROUTING are.
std::optional<Fate> Walker::through_foreign(bool is_before_ours, const Stage& stage) {
  if (packet_.interface == "lo" || stage.chain != "PREROUTING") return std::nullopt;
  for (const ForeignRule& foreign : foreign_.rules) {
    if (!is_family(foreign.family, packet_) || comes_first(foreign, is_redirecting()) != is_before_ours) continue;
    if (!foreign.is_terminal || !foreign.may_match_tcp) continue;
    const Match matched = match(foreign.rule, packet_, stage);
    if (matched == Match::kNo) continue;
    // From a built-in chain RETURN leads to its policy, which is ACCEPT in these tables unless somebody was very odd.
    const bool lets_pass = foreign.rule.target == "ACCEPT" || foreign.rule.target == kReturn;
    if (!is_before_ours && lets_pass) continue;
    way_.rules.push_back(foreign.place + ": " + foreign.text);
    if (matched == Match::kPerhaps) return Fate::kUncertain;
    if (foreign.rule.target == kDrop) return Fate::kDropped;
    if (ours_.backend == BackendKind::kNftables) return Fate::kForeign;  // there, an accept ends only its own chain
    if (lets_pass) return Fate::kPassed;
    return Fate::kForeign;
  }
  return std::nullopt;
}

std::optional<Fate> Walker::through_all(const Stage& stage) {
  if (const auto fate = through_foreign(true, stage)) return fate;
  for (const FamilyPlan& family : ours_.families) {
    if (!is_family(family.family, packet_)) continue;
    for (const TablePlan& table : family.tables) {
      if (const auto fate = through_hooks(table, stage)) return fate;
    }
  }
  return through_foreign(false, stage);
}

Walk Walker::walk() {
  for (const Stage& stage : stages_of(packet_)) {
    const auto fate = through_all(stage);
    way_.fate = fate.value_or(Fate::kPassed);
    if (fate) break;
  }
  return way_;
}

}  // namespace

Walk walk(const Plan& ours, const Foreign& foreign, const FirstPacket& packet) {
  return Walker{ours, foreign, packet}.walk();
}

}  // namespace sidelock
