// The pairs of --listen, `[ADDRESS:]PORT=[ADDRESS:]PORT`.
#pragma once

#include <vector>

#include "config/parse_values.h"
#include "config/settings.h"

namespace sidelock {

// Each policy is `defaults` with the pair's app. Throws Failure{kUsage} for a malformed pair, two listeners that would
// share a port of one address, and a pair whose app is one of our own listeners.
std::vector<ExplicitListener> parse_listeners(const SettingValue& value, const PortPolicy& defaults);

}  // namespace sidelock
