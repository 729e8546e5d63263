// Setting texts -> Settings: every value parsed, what a command needs required, contradictions refused.
#pragma once

#include "config/local_ports.h"
#include "config/options.h"
#include "config/setting_values.h"

namespace sidelock {

// Every command has every value parsed, so that a malformed one is found at the first chance; what is required and what
// contradicts is judged only for the settings that `command` uses. `local` is this kernel's. Touches no
// file. Throws Failure{kUsage}.
Settings resolve(const SettingValues& values, Command command, const LocalPorts& local);

}  // namespace sidelock
