// The doctor command: looks at everything that can be wrong with a pod's sidelock, and says what mends it.
#pragma once

#include <string>
#include <vector>

#include "base/error.h"
#include "config/settings.h"

namespace sidelock {

struct Diagnosis {
  std::string text;  // for standard output, in the format of --output
  ExitCode code = ExitCode::kOk;
};

// Changes nothing, and makes a few connections: one for each family to the probe port, and some to the app that end at
// once. `setting_warnings` are those of the invocation. Main thread of a short-lived process.
Diagnosis diagnose(const Settings& settings, const std::vector<std::string>& setting_warnings);

}  // namespace sidelock
