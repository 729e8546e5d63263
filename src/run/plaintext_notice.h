// What `run` says at its start of the ports that let clients without TLS through. Pure.
#pragma once

#include <string>

#include "config/settings.h"

namespace sidelock {

// One line that names the ports, neighbours as a range; empty when there are none.
std::string plaintext_notice(const Settings& settings);

}  // namespace sidelock
