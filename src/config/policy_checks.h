// What of one port's settings cannot stand together, whichever of them are global and whichever the port's own.
#pragma once

#include "config/port_policies.h"

namespace sidelock {

// Throws Failure{kUsage} naming the setting as it was written. `policy` is the port's, made from `texts`.
void check_policy(const PolicyTexts& texts, const PortPolicy& policy, CaptureMode mode);

}  // namespace sidelock
