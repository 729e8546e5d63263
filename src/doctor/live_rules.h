// The rules that are in the kernel now, for doctor and explain: read without changing anything.
// Main thread only, and only in a short-lived process: libiptc may call abort().
#pragma once

#include <string>

#include "base/error.h"
#include "config/settings.h"
#include "netsetup/backend.h"
#include "netsetup/plan.h"

namespace sidelock {

struct LiveRules {
  bool is_known = false;
  Plan ours;  // with counters, in the form of make_plan()
  Foreign foreign;
  bool are_in_both = false;       // rules of ours are in the other backend as well, which are not in `ours`
  std::string why_unknown;        // when they could not be read
  ExitCode code = ExitCode::kOk;  // and the class of that
};

// Raises the capabilities that reading takes. Throws nothing: what goes wrong stands in the answer.
LiveRules read_live_rules();

}  // namespace sidelock
