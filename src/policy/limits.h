// The limits that depend on where run finds itself: workers, connections and handshakes. Pure; run acts on it, doctor
// shows it.
#pragma once

#include <cstddef>

#include "config/settings.h"

namespace sidelock {

struct ProcessLimits {
  std::size_t workers = 1;
  std::size_t connections = 0;  // in all
  std::size_t handshakes = 0;   // begun before the open connections have their turn, in all
};

// What the machine gives, as plain numbers.
struct Surroundings {
  double cpus = 1;              // the quota; 1 when there is none
  std::size_t descriptors = 0;  // the limit of open files
  std::size_t memory = 0;       // bytes; 0: no limit
};

// Throws Failure{kUsage} when --max-connections asks for more than the descriptors hold.
ProcessLimits resolve_limits(const Settings& settings, const Surroundings& surroundings);

}  // namespace sidelock
