// Capture settings as the tests begin with: what `--ports` alone would give.
#pragma once

#include <vector>

#include "config/settings.h"

namespace sidelock::test {

inline CaptureSettings capture(std::vector<PortRange> ports) {
  CaptureSettings settings;
  settings.ports = std::move(ports);
  return settings;
}

inline CaptureSettings capture_port(std::uint16_t port) { return capture({{port, port}}); }

}  // namespace sidelock::test
