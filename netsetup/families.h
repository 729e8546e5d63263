// Which of the families that the settings name this kernel has.
#pragma once

#include "config/settings.h"
#include "netsetup/rule.h"

namespace sidelock {

// Whether sockets of the family can be made; capture needs no more, since without them nothing can come in by it.
bool kernel_has(Family family);

// `settings` with --ip-family narrowed to what the kernel has, where it is `auto`. Throws Failure{kNoBackend} when they
// insist on a family that it does not have.
CaptureSettings without_absent_families(CaptureSettings settings);

}  // namespace sidelock
