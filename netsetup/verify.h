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

// Whether it comes before the rules of ours that capture: under redirect those are in nat.
bool comes_first(const ForeignRule& rule, bool is_redirecting);

// The first foreign rule before ours that may take a connection to a captured port away from them.
std::string obstacle(const Foreign& foreign, const CaptureSettings& settings);

// The first foreign rule that leads clients from a port that is not captured to one that is: they reach the app in
// plain text, since each connection is translated once.
std::string side_door(const Foreign& foreign, const CaptureSettings& settings);

}  // namespace sidelock
