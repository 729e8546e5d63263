// init and cleanup: plan -> apply -> verify, or undo. All of it runs in the main thread of a short-lived process, because
// libiptc keeps static state and may call abort().
#pragma once

#include <string>
#include <vector>

#include "config/settings.h"

namespace sidelock {

// Installs the capture rules of `settings` and proves by reading back that the kernel holds exactly them. Idempotent; on
// a failure the rules are again what they were. Throws Failure: kMissingPermission, kNoBackend, kVerificationFailed,
// kUsage (a node's namespace), kFailure (the lock is held, somebody keeps changing the table).
void install_capture(const CaptureSettings& settings);

// What install_capture would install, as iptables-save text, IPv4 then IPv6, each under a comment line; touches nothing.
std::string dry_run_text(const CaptureSettings& settings);

// What is wrong with the rules in the kernel, one line each; empty when they are exactly those of `settings` and nobody
// else's rule comes before them. Changes nothing. Throws Failure when they cannot be read.
std::vector<std::string> find_faults(const CaptureSettings& settings);

// Removes exactly what install_capture installed, whatever its settings were. Nothing to remove is no error.
void remove_capture(const CaptureSettings& settings);

}  // namespace sidelock
