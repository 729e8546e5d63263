// Whether what was read from the kernel is what was wanted, for every backend. Pure.
// The answers are text for a person; an empty one says that all is well.
#pragma once

#include <string>

#include "netsetup/backend.h"
#include "netsetup/plan.h"

namespace sidelock {

// The first rule or chain in which `live`, of the same backend, is not `wanted`; families that `wanted` does not name
// are not looked at.
std::string difference(const Plan& wanted, const Plan& live);

// The first foreign rule before ours that may take a connection to a captured port away from them.
std::string obstacle(const Foreign& foreign, const CaptureSettings& settings);

}  // namespace sidelock
