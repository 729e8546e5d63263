// See options.h. Boost parses the command line; the environment and the config file are read here too, because their
// errors must name the variable, or the file and the line.
#include "config/options.h"

#include <algorithm>
#include <map>
#include <optional>
#include <utility>

#include <fmt/format.h>
#include <boost/program_options/cmdline.hpp>
#include <boost/program_options/errors.hpp>
#include <boost/program_options/options_description.hpp>
#include <boost/program_options/parsers.hpp>
#include <boost/program_options/value_semantic.hpp>

#include "base/error.h"
#include "base/log.h"
#include "config/config_file.h"
#include "config/connection.h"
#include "config/option_table.h"
#include "config/resolve.h"

namespace sidelock {

namespace {

namespace po = boost::program_options;

constexpr std::string_view kCommands = "init, run, cleanup, doctor, explain, version, help";

[[noreturn]] void usage(const std::string& message) { throw Failure{ExitCode::kUsage, message}; }

// ---- names

// The single-character changes between two names. (Levenshtein, one row at a time.)
std::size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> row(b.size() + 1);
  for (std::size_t j = 0; j < row.size(); ++j) row[j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    std::size_t diagonal = std::exchange(row[0], i);
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t replaced = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
      diagonal = std::exchange(row[j], std::min({row[j] + 1, row[j - 1] + 1, replaced}));
    }
  }
  return row[b.size()];
}

// What an unknown name may have been meant to be.
std::string allowed_instead_of(std::string_view unknown) {
  constexpr std::size_t kTypingErrors = 2;
  for (const OptionSpec& option : option_table()) {
    if (edit_distance(unknown, option.name) <= kTypingErrors) return fmt::format("did you mean \"{}\"?", option.name);
  }
  return "allowed: the settings that `sidelock --help` lists";
}

bool is_repeatable(const OptionSpec& option) {
  return option.kind == OptionKind::kRepeatable || option.kind == OptionKind::kPolicies;
}

std::string joined(const OptionSpec& option, const std::string& list, const std::string& more) {
  if (list.empty()) return more;
  return list + (option.kind == OptionKind::kPolicies ? ';' : ',') + more;
}

// ---- the command line

struct CommandLine {
  Command command = Command::kHelp;
  std::vector<std::string> words;  // behind the command
  std::map<std::string, std::string, std::less<>> flags;
};

po::options_description declared_options() {
  po::options_description description;
  for (const OptionSpec& option : option_table()) {
    description.add_options()(std::string{option.name}.c_str(), new po::untyped_value{}, "");  // takes ownership
  }
  description.add_options()("help", "")("version", "");
  return description;
}

// "--port=80" -> "port", as it stands in Boost's exceptions.
std::string bare_name(std::string name) {
  name.erase(0, name.find_first_not_of('-'));
  return name.substr(0, name.find('='));
}

[[noreturn]] void refuse_without_value(const std::string& name) {
  const OptionSpec* const option = find_option(name);
  usage(
      fmt::format("--{}: has no value; allowed: --{} {}", name, name, option == nullptr ? "VALUE" : option->argument));
}

bool is_bare_switch(const std::string& argument) {
  const OptionSpec* const option =
      argument.starts_with("--") ? find_option(std::string_view{argument}.substr(2)) : nullptr;
  return option != nullptr && option->kind == OptionKind::kSwitch;
}

// Boost knows no `--dry-run on` beside `--dry-run` alone, and takes `--alpn=` for a mistake; here the first two mean
// the same and the last is the empty value. So every flag gets a value of its own first.
std::vector<std::string> arguments(int argc, const char* const* argv) {
  std::vector<std::string> all;
  for (int i = 1; i < argc; ++i) {
    std::string argument = argv[i];
    const bool is_empty =
        argument.starts_with("--") && argument.size() > 3 && argument.find('=') == argument.size() - 1;
    if (is_empty) argument.pop_back();
    all.push_back(argument);
    if (is_empty) {
      all.emplace_back();
    } else if (is_bare_switch(argument)) {
      const std::string_view next = i + 1 < argc ? argv[i + 1] : "";
      if (next != "on" && next != "off") all.emplace_back("on");
    }
  }
  return all;
}

std::vector<po::option> tokens(int argc, const char* const* argv) {
  using namespace po::command_line_style;
  const po::options_description description = declared_options();
  try {
    return po::command_line_parser{arguments(argc, argv)}
        .options(description)
        .style(allow_long | long_allow_adjacent | long_allow_next)
        .run()
        .options;
  } catch (const po::unknown_option& error) {
    const std::string name = bare_name(error.get_option_name());
    usage(fmt::format("--{}: there is no such setting; {}", log::printable(name), allowed_instead_of(name)));
  } catch (const po::invalid_command_line_syntax& error) {
    if (error.kind() != po::invalid_command_line_syntax::missing_parameter) usage(error.what());
    refuse_without_value(bare_name(error.get_option_name()));
  }
}

Command command_called(const std::string& word) {
  if (word == "init") return Command::kInit;
  if (word == "run") return Command::kRun;
  if (word == "cleanup") return Command::kCleanup;
  if (word == "doctor") return Command::kDoctor;
  if (word == "explain") return Command::kExplain;
  if (word == "version") return Command::kVersion;
  if (word == "help" || word == "-h") return Command::kHelp;
  if (word.starts_with('-'))
    usage(fmt::format("\"{}\": there is no such flag; allowed: --NAME VALUE", log::printable(word)));
  usage(fmt::format("\"{}\": there is no such command; allowed: {}", log::printable(word), kCommands));
}

void add_flag(CommandLine& line, const po::option& token) {
  const std::string& name = token.string_key;
  const std::string& value = token.value.at(0);
  // In `--tls-dir --self-signed x` a value was forgotten; one that does begin so is written --tls-dir=--x.
  if (token.original_tokens.size() > 1 && value.starts_with("--")) refuse_without_value(name);
  const OptionSpec& option = *find_option(name);
  const auto [entry, is_new] = line.flags.try_emplace(name, value);
  if (is_new) return;
  if (!is_repeatable(option))
    usage(fmt::format("--{}: is given twice, \"{}\" and \"{}\"; allowed: once", name, log::printable(entry->second),
                      log::printable(value)));
  entry->second = joined(option, entry->second, value);
}

CommandLine parse_command_line(int argc, const char* const* argv) {
  CommandLine line;
  std::optional<Command> word;
  std::optional<Command> flag;  // --help, --version
  for (const po::option& token : tokens(argc, argv)) {
    const std::string value = token.value.empty() ? "" : token.value.front();
    if (token.string_key == "help" || (token.position_key >= 0 && value == "-h")) {
      flag = Command::kHelp;
    } else if (token.string_key == "version") {
      if (!flag) flag = Command::kVersion;
    } else if (token.position_key < 0) {
      add_flag(line, token);
    } else if (!word) {
      word = command_called(value);
    } else if (*word == Command::kExplain && line.words.size() < 2) {
      line.words.push_back(value);
    } else if (*word != Command::kHelp) {
      usage(fmt::format("\"{}\": is one word too many; allowed: one command ({}) and --NAME VALUE settings",
                        log::printable(value), kCommands));
    }
  }
  if (!flag && !word) usage(fmt::format("there is no command; allowed: {}", kCommands));
  line.command = flag ? *flag : *word;
  return line;
}

// ---- the environment and the config file

void read_environment(const char* const* environment, SettingValues& values, std::vector<std::string>& warnings) {
  constexpr std::string_view kPrefix = "SIDELOCK_";
  std::vector<std::string> unknown;
  for (; environment != nullptr && *environment != nullptr; ++environment) {
    const std::string_view variable = *environment;
    const std::size_t equals = variable.find('=');
    if (!variable.starts_with(kPrefix) || equals == std::string_view::npos) continue;
    const std::string_view name = variable.substr(0, equals);
    const auto option = std::ranges::find_if(
        option_table(), [&](const OptionSpec& candidate) { return environment_name(candidate.name) == name; });
    if (option == option_table().end()) {
      unknown.push_back(fmt::format("{} is not a setting and is ignored", log::printable(name)));
    } else {
      values.set(option->name, ValueSource::kEnvironment,
                 {std::string{name}, std::string{variable.substr(equals + 1)}});
    }
  }
  std::ranges::sort(unknown);
  warnings.insert(warnings.end(), unknown.begin(), unknown.end());
}

void read_file(const std::string& path, SettingValues& values) {
  std::map<std::string, SettingValue, std::less<>> given;
  for (const ConfigLine& line : read_config_file(path)) {
    const std::string where = fmt::format("{}:{}: {}", log::printable(path), line.number, log::printable(line.name));
    const OptionSpec* const option = find_option(line.name);
    if (option == nullptr) usage(fmt::format("{}: there is no such setting; {}", where, allowed_instead_of(line.name)));
    if (option->name == "config")
      usage(fmt::format("{}: cannot stand in a config file; allowed: --config FILE", where));
    const auto [entry, is_new] = given.try_emplace(line.name, SettingValue{where, line.value});
    if (is_new) continue;
    if (!is_repeatable(*option)) {
      usage(fmt::format("{}: is there twice, \"{}\" and \"{}\"; allowed: once", where,
                        log::printable(entry->second.text), log::printable(line.value)));
    }
    entry->second.text = joined(*option, entry->second.text, line.value);
  }
  for (auto& [name, value] : given) values.set(name, ValueSource::kFile, std::move(value));
}

// ---- all of it

std::string_view name_of(ValueSource source) {
  switch (source) {
    case ValueSource::kFlag: return "flag";
    case ValueSource::kEnvironment: return "environment";
    case ValueSource::kFile: return "file";
    case ValueSource::kDefault: break;
  }
  return "default";
}

std::vector<std::string> effective_lines(const SettingValues& values) {
  std::vector<std::string> lines;
  for (const OptionSpec& option : option_table()) {
    const std::string text = log::printable(values.of(option.name).text);
    lines.push_back(
        fmt::format("{} = {}{}({})", option.name, text, text.empty() ? "" : " ", name_of(values.source(option.name))));
  }
  return lines;
}

}  // namespace

Invocation parse_invocation(int argc, const char* const* argv, const char* const* environment) {
  const CommandLine line = parse_command_line(argc, argv);
  Invocation invocation;
  invocation.command = line.command;
  // These two must answer however broken the settings around them are.
  if (line.command == Command::kHelp || line.command == Command::kVersion) return invocation;

  // The environment and the flags say which file to read, yet both win over it.
  SettingValues values;
  SettingValues without_file;
  read_environment(environment, without_file, invocation.warnings);
  for (const auto& [name, value] : line.flags) without_file.set(name, ValueSource::kFlag, {"--" + name, value});
  const std::string& path = without_file.of("config").text;
  if (!path.empty()) read_file(path, values);
  for (const OptionSpec& option : option_table()) {
    const ValueSource source = without_file.source(option.name);
    if (source != ValueSource::kDefault) values.set(option.name, source, without_file.of(option.name));
  }
  invocation.settings = resolve(values, invocation.command, read_local_ports());
  invocation.is_forced = parse_switch(values.of("force"));
  invocation.explain.via = values.of("via").text;
  invocation.explain.server_name = values.of("sni").text;
  invocation.explain.client_certificate = values.of("client-cert").text;
  if (line.command == Command::kExplain) set_connection(line.words, invocation.explain);
  invocation.effective = effective_lines(values);
  return invocation;
}

}  // namespace sidelock
