// A firewall rule as a value, with its text as iptables-save prints it. Pure data: no kernel in sight.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/address.h"
#include "config/settings.h"

namespace sidelock {

enum class Family { kIpv4, kIpv6 };
enum class Table { kMangle, kNat };

std::string name(Table table);   // "mangle", "nat"
std::string name(Family family); // "IPv4", "IPv6"

struct InterfaceMatch {
  std::string name;          // empty: any; a trailing '+' is a wildcard
  bool is_inverted = false;  // any but that
  friend bool operator==(const InterfaceMatch&, const InterfaceMatch&) = default;
};

enum class Action { kReturn, kDrop, kJump, kRedirect };

struct Rule {
  std::optional<Cidr> source;
  InterfaceMatch in;
  InterfaceMatch out;
  bool is_tcp = false;
  std::optional<PortRange> destination_ports;  // needs is_tcp
  bool is_destination_local = false;           // addrtype --dst-type LOCAL
  bool is_invalid = false;                     // conntrack --ctstate INVALID
  std::string comment;
  Action action = Action::kReturn;
  std::string chain;               // for kJump
  std::uint16_t redirect_port = 0; // for kRedirect

  friend bool operator==(const Rule&, const Rule&) = default;
};

struct Chain {
  std::string name;
  std::vector<Rule> rules;
  friend bool operator==(const Chain&, const Chain&) = default;
};

// What must be ours in one table of one family; built-in chains hold only our own rules here, in front of all others'.
struct TablePlan {
  Family family = Family::kIpv4;
  Table table = Table::kNat;
  std::vector<Chain> built_in;  // PREROUTING, OUTPUT: only those in which we have rules
  std::vector<Chain> own;       // SIDELOCK_*, sorted by name
  [[nodiscard]] bool is_empty() const noexcept { return built_in.empty() && own.empty(); }
  friend bool operator==(const TablePlan&, const TablePlan&) = default;
};

// How our things are told from others': the prefix of chains, and of the comment on each rule in a built-in chain.
inline constexpr std::string_view kChainPrefix = "SIDELOCK_";
inline constexpr std::string_view kCommentPrefix = "sidelock";

bool is_ours(const Rule& rule);

// "-A PREROUTING ! -i lo -p tcp ..." as iptables-save writes it.
std::string to_text(const std::string& chain, const Rule& rule);
// A whole table from "*nat" to "COMMIT", equal to iptables-save's of a namespace that holds nothing else (counters zero).
std::string to_text(const TablePlan& table);

}  // namespace sidelock
