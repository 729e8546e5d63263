// One connection that doctor makes to see what happens. Blocks for at most a short while.
#pragma once

#include <string>

#include "base/address.h"

namespace sidelock {

enum class Attempt {
  kEnded,      // accepted, then ended without a byte
  kStayed,     // accepted, and not ended within the time given, or something was said
  kReset,      // accepted, then reset
  kRefused,    // nobody listens
  kTimedOut,   // no answer
  kImpossible  // no way there: no address, no route
};

// Whether somebody accepts at `target`; ended at once, with a reset, so that nothing is left behind.
Attempt connect_to(const Endpoint& target);

// The same, and then waits for what the other side does.
Attempt connect_and_listen(const Endpoint& target);

}  // namespace sidelock
