// The routing that --preserve-source needs: the app's replies to a client's address, which it sends from 127.0.0.1 or
// ::1, must come back to the socket that stands in for the client, and not leave the pod. For each family a rule
// `from 127.0.0.0/8 iif lo` (`from ::1`) leads to a table whose only route says that every address is local. Reading
// needs no privilege, changing needs NET_ADMIN. Main thread only.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/error.h"
#include "config/settings.h"
#include "netsetup/rule.h"

namespace sidelock {

// The rule and the route of one family.
struct LoopbackRouting {
  Family family = Family::kIpv4;
  std::uint32_t table = 0;
  friend bool operator==(const LoopbackRouting&, const LoopbackRouting&) = default;
};

// What `settings` want, sorted by family; IPv6 only where lo has it. Nothing without --preserve-source.
std::vector<LoopbackRouting> wanted_routing(const CaptureSettings& settings);

// As `ip rule` and `ip route` take it, a line for each.
std::string to_text(const LoopbackRouting& routing);

// What of ours is there whole, rule and route, sorted; ours are known by their protocol number. Nothing where the
// kernel has no such routing. Throws Failure.
std::vector<LoopbackRouting> read_routing();

// Throws Failure when `wanted` cannot be made here: kUsage when others use the table or the rule's preference,
// kNoBackend when the kernel has no policy routing, kFailure when lo is down.
void refuse_impossible_routing(const std::vector<LoopbackRouting>& wanted);

// Makes ours those of `wanted`. New ones come before old ones go, and what is right already stays. Throws Failure,
// among others as refuse_impossible_routing() does, and then has changed nothing.
void apply_routing(const std::vector<LoopbackRouting>& wanted);

// The first thing that is missing or too much, and the commands that mend it.
struct RoutingFault {
  std::string what;
  std::string commands;
  ExitCode code = ExitCode::kVerificationFailed;
};
std::optional<RoutingFault> routing_fault(const std::vector<LoopbackRouting>& wanted);

// Removes everything of ours. Returns whether there was anything. Throws Failure.
bool remove_routing();

}  // namespace sidelock
