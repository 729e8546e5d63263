// --admin-address and --ready-needs: their values, and what they contradict.
#pragma once

#include "config/setting_values.h"
#include "config/settings.h"

namespace sidelock {

AdminSettings admin_settings(const SettingValues& values);

// Throws Failure{kUsage} when the admin port is one that is captured, a capture port or the port of a --listen pair.
void check_admin_settings(const SettingValues& values, const Settings& settings);

}  // namespace sidelock
