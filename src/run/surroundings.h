// What the machine gives to run: processor quota, descriptors, memory.
#pragma once

#include "policy/limits.h"

namespace sidelock {

// Raises the descriptor limit to the hard limit and looks at the control group.
Surroundings look_around();

}  // namespace sidelock
