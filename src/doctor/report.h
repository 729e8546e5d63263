// What doctor found, for people and for machines. Pure.
#pragma once

#include <string>

#include "doctor/check.h"

namespace sidelock {

// One line for each check, one more for what mends it, and a sum.
std::string report_as_text(const Checks& checks);

// One JSON object with the same.
std::string report_as_json(const Checks& checks);

// The class of the first failure in the order usage, credential, permission, backend, verification, anything else.
ExitCode exit_code_of(const Checks& checks);

}  // namespace sidelock
