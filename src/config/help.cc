// help_text() of options.h: the option table as text of at most 80 columns.
#include <string>
#include <string_view>

#include <fmt/format.h>

#include "config/option_table.h"
#include "config/options.h"
#include "config/policy_keys.h"

namespace sidelock {

namespace {

constexpr std::size_t kColumns = 80;
constexpr std::size_t kIndent = 28;

constexpr std::string_view kUsage =
    R"(sidelock puts TLS in front of an app without touching it.

Usage: sidelock COMMAND [--SETTING VALUE]...

  init      install the capture rules and verify them; may be repeated
  run       terminate TLS on the captured ports and relay to the app
  cleanup   remove exactly the rules that init installed
  doctor    check everything that can be wrong, and say what mends it
  explain   SRC[:PORT] DST:PORT: say what would happen to this connection
  version   print the version, OpenSSL's version and the features
  help      print this text

Every setting is a flag (--idle-timeout 1h), an environment variable
(SIDELOCK_IDLE_TIMEOUT=1h) and a line of the config file (idle-timeout = 1h).
The flag wins over the environment, the environment over the file. Every
command takes every setting, so that init and run can share them. Lists are
comma separated; durations are written 500ms, 10s, 5m, 1h. A switch may stand
alone: --dry-run is --dry-run on. docs/settings.md tells more.
)";

constexpr std::string_view kExitCodes =
    R"(
Exit codes
  0 ok  1 failure  2 usage  3 missing permission  4 no usable capture backend
  5 verification failed  6 credential unusable
)";

// `text` from column `kIndent` on, the first line continuing `line`.
std::string wrapped(std::string line, std::string_view text) {
  std::string all;
  if (line.size() + 2 > kIndent) {
    all = line + '\n';
    line.clear();
  }
  line.resize(kIndent, ' ');
  bool is_line_empty = true;
  while (!text.empty()) {
    const std::size_t blank = text.find(' ');
    const std::string_view word = text.substr(0, blank);
    text.remove_prefix(blank == std::string_view::npos ? text.size() : blank + 1);
    if (!is_line_empty && line.size() + 1 + word.size() > kColumns) {
      all += line + '\n';
      line.assign(kIndent, ' ');
      is_line_empty = true;
    }
    if (!is_line_empty) line += ' ';
    line += word;
    is_line_empty = false;
  }
  return all + line + '\n';
}

std::string entry(const OptionSpec& option) {
  const std::string_view shown = option.default_value.empty() ? "none" : option.default_value;
  const std::string_view reach = find_policy_key(option.name) == nullptr ? "" : " Also per port.";
  return wrapped(fmt::format("  --{} {}", option.name, option.argument),
                 fmt::format("{}{} [{}]", option.sentence, reach, shown));
}

}  // namespace

std::string help_text() {
  std::string text{kUsage};
  text += "\nThe default stands in brackets behind each setting.\n";
  std::string_view title;
  for (const OptionSpec& option : option_table()) {
    if (const std::string_view next = group_title(option.group); next != title) {
      title = next;
      text += fmt::format("\n{}\n", title);
    }
    text += entry(option);
  }
  return text.append(kExitCodes);
}

}  // namespace sidelock
