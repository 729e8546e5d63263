// init and cleanup: plan -> apply -> verify, or undo. All of it runs in the main thread of a short-lived process,
// because libiptc keeps static state and may call abort().
#pragma once

#include <string>

#include "config/settings.h"
#include "netsetup/rule.h"

namespace sidelock {

class Backend;

// Installs the capture rules of `settings` and proves by reading back that the kernel holds exactly them. Idempotent.
// Throws Failure: kMissingPermission, kNoBackend, kVerificationFailed, kUsage (a node's namespace).
// All are undone, but for a failure after the new rules were verified: old ones that the other backend keeps, or
// somebody who removes the new ones.
void install_capture(const CaptureSettings& settings);

// The same through a backend of the caller's.
void install_capture(const CaptureSettings& given, Backend& backend);

// What install_capture would install, as iptables-save text (both families) or nft text, whichever its backend takes;
// touches nothing.
std::string dry_run_text(const CaptureSettings& settings);
std::string dry_run_text(const CaptureSettings& settings, BackendKind kind);

// "iptables" and, where this build has it, "nftables".
std::string backend_names();

// Removes exactly what install_capture installed, whatever its settings were and whichever backend holds it. Nothing to
// remove is no error.
void remove_capture(const CaptureSettings& settings);

}  // namespace sidelock
