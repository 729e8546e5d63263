// Which of the interfaces that are here the settings capture. `--interfaces` that name none of them, or
// `--exclude-interfaces` that take out all, leave the app open while every rule is in place. Pure.
#pragma once

#include <string>
#include <vector>

#include "base/interfaces.h"
#include "config/settings.h"

namespace sidelock {

struct Coverage {
  std::vector<std::string> captured;  // of the interfaces that are up, without lo
  std::vector<std::string> open;      // the others of these
  std::vector<std::string> absent;    // names of --interfaces that fit no interface here, up or down
};

Coverage coverage(const CaptureSettings& settings, const std::vector<Interface>& interfaces);

// Whether every client that comes now reaches the app in plain text.
bool is_wide_open(const Coverage& coverage);

// What is wrong with it, in a sentence without a full stop; empty when nothing is.
std::string fault_of(const Coverage& coverage);

}  // namespace sidelock
