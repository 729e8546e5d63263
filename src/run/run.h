// Run mode: load the credential, listen, drop privileges, start the workers, prove the capture, reload, drain.
#pragma once

#include "base/error.h"
#include "config/settings.h"

namespace sidelock {

// Serves until SIGTERM or SIGINT has drained it. Returns the process's exit code; throws Failure when it cannot start.
ExitCode run(const Settings& settings);

}  // namespace sidelock
