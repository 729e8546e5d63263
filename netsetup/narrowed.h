// What reaches a rule of somebody else's through the rules before it: jumps that ask for less, and ports that have left
// the chain already. Pure, and careful: what cannot be followed leaves a rule as wide as it says.
#pragma once

#include <vector>

#include "netsetup/rule.h"

namespace sidelock {

class Narrowed {
 public:
  Narrowed() = default;
  explicit Narrowed(Rule jump);  // for the rules of the chain that it leads to

  // To be called with each rule of the chain in turn that leaves it, by RETURN or ACCEPT.
  void leave(const Rule& rule);

  // `rule` with what was asked for on the way to it.
  [[nodiscard]] Rule rule(Rule rule) const;

 private:
  Rule jump_;
  std::vector<PortRange> gone_;
};

}  // namespace sidelock
