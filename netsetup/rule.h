// One firewall rule as a value, in the few words that sidelock's rules need, and its text as iptables-save prints it
// (nftables/text.h has it as nft prints it). Pure: a backend turns it into what its kernel interface wants, and what it
// reads back into this.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/address.h"
#include "config/settings.h"

namespace sidelock {

// The two kernel interfaces that hold rules.
enum class BackendKind { kIptables, kNftables };

enum class Family { kIpv4, kIpv6, kInet };          // kInet: both in one table, which only nftables has
enum class Table { kFilter, kMangle, kNat, kRaw };  // kRaw: never ours, only looked at

std::string_view name_of(BackendKind kind);  // "iptables"
std::string_view name_of(Family family);     // "IPv4"
std::string_view name_of(Table table);       // "nat"
int address_family(Family family);           // AF_INET; not for kInet

// What marks rules and chains as ours, whatever version made them.
inline constexpr std::string_view kCommentPrefix = "sidelock:";
inline constexpr std::string_view kChainPrefix = "SIDELOCK_";

// Targets that are neither a chain nor a foreign extension.
inline constexpr std::string_view kReturn = "RETURN";
inline constexpr std::string_view kDrop = "DROP";
inline constexpr std::string_view kReject = "REJECT";  // with a TCP reset
inline constexpr std::string_view kRedirect = "REDIRECT";
inline constexpr std::string_view kTproxy = "TPROXY";

// An interface name; one that ends in '+' stands for all names with this beginning.
struct InterfaceMatch {
  std::string name;
  bool is_inverted = false;
  friend bool operator==(const InterfaceMatch&, const InterfaceMatch&) = default;
};

// What went through a rule. Two rules that differ only here are the same rule.
struct Counters {
  std::uint64_t packets = 0;
  std::uint64_t bytes = 0;
  friend bool operator==(const Counters& /*one*/, const Counters& /*other*/) noexcept { return true; }
};

// Everything that is set must match. Ports need is_tcp. What only one interface can say is never in a plan for another.
struct Rule {
  std::optional<Family> family;  // in a table of both families
  std::optional<Cidr> source;
  std::optional<InterfaceMatch> in;
  std::optional<InterfaceMatch> out;
  bool is_tcp = false;
  std::optional<PortRange> destination_ports;
  std::vector<PortRange> destination_port_set;  // nftables: any of these, in place of destination_ports
  bool is_destination_local = false;            // an address of this namespace
  bool is_state_invalid = false;                // conntrack's INVALID
  bool is_not_translated = false;               // conntrack has not translated the destination
  std::string comment;
  std::string target;             // RETURN, DROP, REJECT, REDIRECT, TPROXY, or a chain
  std::uint16_t to_port = 0;      // only for REDIRECT and TPROXY
  bool is_one_port_each = false;  // nftables: the n-th destination port goes to to_port + n - 1
  bool has_more = false;          // only in rules read back: the kernel's rule says something that this value cannot
  Counters counters;
  friend bool operator==(const Rule&, const Rule&) = default;
};

// "-A CHAIN ..." without a line end; what a rule with has_more says beyond this value appears as "...".
// The family is that of the table.
std::string to_text(const Rule& rule, std::string_view chain, Family family = Family::kIpv4);

// Whether the packet goes on to the next rule after this target of x_tables: "LOG", or none at all.
bool passes_on(std::string_view target);

// Its destination ports, whichever way it names them; none: any.
std::vector<PortRange> destination_ports_of(const Rule& rule);

bool is_our_chain(std::string_view chain);

// By its comment or because it jumps to a chain of ours; for rules in chains that are not ours.
bool is_ours(const Rule& rule);

}  // namespace sidelock
