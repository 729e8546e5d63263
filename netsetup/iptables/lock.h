// The lock that every iptables program takes while it changes a table.
// In a pod its file belongs to the container, so it keeps out the neighbours that share the file and no others.
#pragma once

#include <chrono>

#include "base/fd.h"

namespace sidelock::iptables {

// Held from construction to destruction.
class XtablesLock {
 public:
  XtablesLock() = default;  // holds nothing

  // Waits up to `patience`; throws Failure{kFailure} when somebody else holds the lock for longer. A file that cannot
  // be opened (a read-only root, another user) is no error: there is nothing to wait for.
  explicit XtablesLock(std::chrono::milliseconds patience);

 private:
  Fd file_;
};

}  // namespace sidelock::iptables
