// Which backend writes the rules: the one asked for, else the one whose tables the namespace uses already, else the one
// that works.
#pragma once

#include <chrono>
#include <memory>
#include <string>

#include "netsetup/backend.h"

namespace sidelock {

struct Choice {
  BackendKind kind = BackendKind::kIptables;
  std::string reason;              // the step that decided, for the log
  bool may_try_the_other = false;  // when the kernel turns out to lack what the rules need
};

// Reads, and changes nothing. Throws Failure: kMissingPermission when not even reading is allowed, kUsage when this
// build does not have what `wanted` asks for.
Choice choose_backend(BackendChoice wanted);

// Never null. Throws Failure{kUsage} when this build does not have it.
std::unique_ptr<Backend> make_backend(BackendKind kind, std::chrono::milliseconds patience);

}  // namespace sidelock
