// From one way of capturing to the other without a moment in which a captured port is open. Pure.
#pragma once

#include <optional>

#include "netsetup/plan.h"

namespace sidelock {

// The plan to install between `live` and `wanted`, of the same backend: what captures in either of them captures in it.
// Nothing when the way is direct, because both capture in the same table, or only one of them captures.
std::optional<Plan> transition(const Plan& live, const Plan& wanted);

}  // namespace sidelock
