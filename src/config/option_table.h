// The settings that exist: name, value, default and one sentence each. The parser, the environment, the config file,
// --help and the tests of docs/settings.md all go by this one table.
#pragma once

#include <span>
#include <string>
#include <string_view>

namespace sidelock {

enum class OptionGroup { kCapture, kUpstream, kTls, kLimits, kProcess };

enum class OptionKind {
  kValue,       // given at most once
  kRepeatable,  // a comma-separated list that may also be given several times
  kPolicies,    // a semicolon-separated list that may also be given several times
  kSwitch,      // on or off; the flag alone means on
};

struct OptionSpec {
  std::string_view name;  // as in the config file; the flag is --name
  OptionGroup group = OptionGroup::kProcess;
  OptionKind kind = OptionKind::kValue;
  std::string_view argument;       // what --help calls the value
  std::string_view default_value;  // parsed like a given value; empty: nothing
  std::string_view sentence;
};

// In the order of --help. Static storage.
std::span<const OptionSpec> option_table();

// The setting of that name, or nullptr.
const OptionSpec* find_option(std::string_view name);

// "idle-timeout" -> "SIDELOCK_IDLE_TIMEOUT".
std::string environment_name(std::string_view option_name);

std::string_view group_title(OptionGroup group);

}  // namespace sidelock
