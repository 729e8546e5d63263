// The words behind `explain` -> the connection that it is asked about.
#pragma once

#include <string>
#include <vector>

#include "config/explain_settings.h"

namespace sidelock {

// `SRC[:PORT] DST:PORT`; IPv6 addresses with a port stand in brackets. Sets both ends. Throws Failure{kUsage}.
void set_connection(const std::vector<std::string>& words, ExplainSettings& explain);

}  // namespace sidelock
