// The seam between what is wanted and the kernel interface that holds it. A backend knows how to write and read rules;
// what to write, and whether what was read is right, is decided once, for all of them (init.cc).
#pragma once

#include <string>
#include <vector>

#include "netsetup/plan.h"

namespace sidelock {

// A rule that is not ours in a chain that packets to captured ports enter before or beside our rules.
struct ForeignRule {
  Family family = Family::kIpv4;
  std::string place;  // "IPv4 table nat"
  std::string text;   // as the backend's own tool prints it
  Rule rule;
  bool may_match_tcp = true;  // false: its protocol excludes TCP
  bool is_before_ours = false;
  bool is_terminal = false;    // it may end the packet's way through the chain, or leave for another chain
  bool is_untracking = false;  // all it does is to keep the connection out of connection tracking
  bool is_before_nat = false;  // it comes before table nat, whatever stands in front of it in its own
};

struct Foreign {
  std::vector<std::string> nat_chains;    // of every family that the kernel has
  std::vector<ForeignRule> rules;         // of chains that see incoming packets no later than ours
  std::vector<ForeignRule> redirections;  // that lead clients to another port of this namespace (REDIRECT), anywhere
};

// All functions throw Failure with the class that fits. Not thread-safe; used in the main thread of `init` and
// `cleanup`.
class Backend {
 public:
  Backend() = default;
  Backend(const Backend&) = delete;
  Backend& operator=(const Backend&) = delete;
  virtual ~Backend() = default;

  [[nodiscard]] virtual BackendKind kind() const = 0;

  // Makes the rules of ours in the kernel those of `plan`, one atomic replacement for each of the kernel's tables, and
  // leaves all others alone.
  virtual void apply(const Plan& plan) = 0;

  // The rules of ours in the kernel, with counters, in the form of make_plan(); nothing where there are none.
  virtual Plan read() = 0;

  // What others have here, and what of it comes before rules of ours in the backend `ours`, this one or the other.
  virtual Foreign foreign(BackendKind ours) = 0;

  // Removes everything of ours. Returns whether there was anything.
  virtual bool remove() = 0;
};

}  // namespace sidelock
