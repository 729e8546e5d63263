// How our rules lie in nftables: one table of both families, in which each built-in chain of iptables that we use has a
// base chain. Their priorities are one before those of iptables and of everybody who takes nft's own names for them, so
// that our chains come first, whoever was installed first. Pure.
#pragma once

#include <array>
#include <string>
#include <string_view>

#include "netsetup/rule.h"

namespace sidelock::nftables {

inline constexpr const char* kTableName = "sidelock";

struct BaseChain {
  Table table;
  std::string_view builtin;  // of iptables, as in Hook::chain
  const char* name;
  const char* type;
  std::string_view hook;
  unsigned hook_number;
  int priority;
  std::string_view priority_text;
};

// Hook numbers and priorities: linux/netfilter.h (nf_inet_hooks), linux/netfilter_ipv4.h (nf_ip_hook_priorities).
inline constexpr int kManglePriority = -151;
inline constexpr int kNatPriority = -101;
inline constexpr std::array kBaseChains{
    BaseChain{Table::kFilter, "INPUT", "filter_input", "filter", "input", 1, -1, "filter - 1"},
    BaseChain{Table::kMangle, "PREROUTING", "mangle_prerouting", "filter", "prerouting", 0, kManglePriority,
              "mangle - 1"},
    BaseChain{Table::kNat, "PREROUTING", "nat_prerouting", "nat", "prerouting", 0, kNatPriority, "dstnat - 1"},
    BaseChain{Table::kNat, "OUTPUT", "nat_output", "nat", "output", 3, kNatPriority, "-101"},
};

// Only there while rules are replaced: see backend.cc.
inline constexpr BaseChain kGuard{Table::kFilter, "INPUT", "guard", "filter", "input", 1, -2, "filter - 2"};

}  // namespace sidelock::nftables
