// See port_ranges.h.
#include "config/port_ranges.h"

#include <algorithm>

namespace sidelock {

std::vector<PortRange> normalised(std::vector<PortRange> ranges) {
  std::ranges::sort(ranges);
  std::vector<PortRange> merged;
  for (const PortRange& range : ranges) {
    if (!merged.empty() && range.first <= merged.back().last + 1U) {
      merged.back().last = std::max(merged.back().last, range.last);
    } else {
      merged.push_back(range);
    }
  }
  return merged;
}

std::vector<PortRange> without(const std::vector<PortRange>& ranges, const std::vector<PortRange>& excluded) {
  std::vector<PortRange> rest;
  for (const PortRange& range : ranges) {
    unsigned next = range.first;  // the first port of `range` that is not yet decided
    for (const PortRange& hole : excluded) {
      if (hole.last < next || hole.first > range.last) continue;
      if (hole.first > next)
        rest.push_back({static_cast<std::uint16_t>(next), static_cast<std::uint16_t>(hole.first - 1)});
      next = hole.last + 1U;
    }
    if (next <= range.last) rest.push_back({static_cast<std::uint16_t>(next), range.last});
  }
  return rest;
}

std::size_t count(const std::vector<PortRange>& ranges) {
  std::size_t ports = 0;
  for (const PortRange& range : ranges) ports += range.last - range.first + 1U;
  return ports;
}

bool contains(const std::vector<PortRange>& ranges, unsigned port) {
  return std::ranges::any_of(ranges,
                             [port](const PortRange& range) { return range.first <= port && port <= range.last; });
}

}  // namespace sidelock
