// Rules of others in both backends, as they stand to rules of ours in one of them.
#pragma once

#include <chrono>

#include "netsetup/backend.h"

namespace sidelock {

// What others have in the backend that is not `ours`; nothing where the kernel has none, or this process may not look.
// `patience`: how long to read again while others keep changing rules. Throws Failure. Main thread only.
Foreign foreign_in_the_other(BackendKind ours, std::chrono::milliseconds patience);

Foreign joined(Foreign one, const Foreign& other);

}  // namespace sidelock
