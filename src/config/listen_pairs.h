// The pairs of --listen, `[ADDRESS:]PORT=[ADDRESS:]PORT`.
#pragma once

#include <vector>

#include "config/parse_values.h"
#include "config/settings.h"

namespace sidelock {

// Throws Failure{kUsage} for a malformed pair, two listeners that would share a port of one address, and a pair whose
// app is one of our own listeners.
std::vector<ExplicitListener> parse_listeners(const SettingValue& value, OnTruncation on_truncation);

}  // namespace sidelock
