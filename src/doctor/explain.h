// The explain command: what would happen to one connection, step by step, by the rules in the kernel and the settings.
#pragma once

#include "config/explain_settings.h"
#include "doctor/doctor.h"

namespace sidelock {

// Answers `question`. Changes nothing; connects once to the app where `run` would, to see whether it is there.
// The exit code is kOk when the question could be answered, whatever the answer is. Main thread of a short-lived
// process.
Diagnosis explain(const Settings& settings, const ExplainSettings& question);

}  // namespace sidelock
