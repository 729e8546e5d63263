// Which of the families that a plan names this kernel has.
#pragma once

#include "netsetup/plan.h"

namespace sidelock {

// Whether sockets of the family can be made; capture needs no more, since without them nothing can come in by it.
bool kernel_has(Family family);

// `plan` without the families that the kernel does not have. Throws Failure{kNoBackend} when the settings insist on one
// of them.
Plan without_absent_families(Plan plan);

}  // namespace sidelock
