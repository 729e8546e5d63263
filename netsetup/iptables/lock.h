// The lock that every iptables program takes (iptables(8), -w): one writer at a time in this mount namespace.
#pragma once

#include <chrono>

#include "base/fd.h"

namespace sidelock::iptables {

// Waits for the lock file (XTABLES_LOCKFILE, else /run/xtables.lock) at most `patience`; held until the Fd is closed.
// Throws Failure{kFailure} when somebody keeps it longer. A file that cannot be opened is no failure: without it, as in
// a container with a read-only root, nobody else holds it either.
Fd take_lock(std::chrono::milliseconds patience);

}  // namespace sidelock::iptables
