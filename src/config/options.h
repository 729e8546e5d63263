// The command line, the environment and the config file become Settings: flag > environment > file > default.
// The only user of Boost.Program_options.
#pragma once

#include <string>
#include <vector>

#include "config/explain_settings.h"
#include "config/settings.h"

namespace sidelock {

enum class Command { kInit, kRun, kCleanup, kDoctor, kExplain, kVersion, kHelp };

struct Invocation {
  Command command = Command::kHelp;
  Settings settings;
  ExplainSettings explain;            // both ends only for kExplain
  bool is_forced = false;             // --force
  std::vector<std::string> warnings;  // unknown SIDELOCK_* variables, one line each
  std::vector<std::string>
      effective;  // "name = value (source)" for each setting, for the log at the start; no secret is in it
};

// Parses argv and the environment (a null-terminated array like environ). Every command accepts every setting and
// checks only those that it uses. Throws Failure{ExitCode::kUsage} with a line that names the setting, the value and
// what is allowed.
Invocation parse_invocation(int argc, const char* const* argv, const char* const* environment);

// The whole help text, at most 80 columns.
std::string help_text();

}  // namespace sidelock
