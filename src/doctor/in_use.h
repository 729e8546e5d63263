// Whether somebody serves the connections that the rules in the kernel lead here.
#pragma once

#include <string>

namespace sidelock {

// "sidelock (pid 7) listens on [::]:19100": who listens where a rule of ours leads; empty when nobody does, and when
// this process may not read the rules. Changes nothing.
std::string who_serves_captured_connections();

}  // namespace sidelock
