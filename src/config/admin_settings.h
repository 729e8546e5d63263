// --admin-address, --status-address and --ready-needs: their values, and what they contradict.
#pragma once

#include "config/setting_values.h"
#include "config/settings.h"

namespace sidelock {

AdminSettings admin_settings(const SettingValues& values);

// Throws Failure{kUsage} when one of their ports is the other's, captured, a capture port or the port of a --listen
// pair. With --ports '*' the port of a status page on loopback may be captured: run serves nobody there
// (policy/destination.h).
void check_admin_settings(const SettingValues& values, const Settings& settings);

}  // namespace sidelock
