// What run tells the admin server at one moment, as plain values: its health, for now.
#pragma once

#include <string>
#include <vector>

namespace sidelock {

// One thing that health looks at.
struct HealthCheck {
  enum class State { kOk, kWarning, kFailed };
  std::string name;  // "capture"
  State state = State::kOk;
  std::string text;  // one line; printable
};

struct Snapshot {
  std::vector<HealthCheck> live;
  std::vector<HealthCheck> started;
  std::vector<HealthCheck> ready;
};

}  // namespace sidelock
