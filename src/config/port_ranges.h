// Arithmetic on sets of ports. Pure values.
#pragma once

#include <cstddef>
#include <vector>

#include "config/settings.h"

namespace sidelock {

// The same ports as sorted ranges that neither overlap nor touch.
std::vector<PortRange> normalised(std::vector<PortRange> ranges);

// The ports of `ranges` that are not in `excluded`; both normalised, and so is the result.
std::vector<PortRange> without(const std::vector<PortRange>& ranges, const std::vector<PortRange>& excluded);

std::size_t count(const std::vector<PortRange>& ranges);

bool contains(const std::vector<PortRange>& ranges, unsigned port);

}  // namespace sidelock
