// Chooses the command, and turns an exception into one line and an exit code.
#include <cerrno>
#include <chrono>
#include <cstdio>
#include <exception>
#include <string>
#include <system_error>

#include <fmt/format.h>
#include <unistd.h>

#include "base/error.h"
#include "base/log.h"
#include "config/options.h"
#include "doctor/doctor.h"
#include "doctor/explain.h"
#include "doctor/in_use.h"
#include "netsetup/init.h"
#include "run/run.h"
#include "tls/features.h"
#include "tls/memory.h"

namespace sidelock {

namespace {

log::Format log_format(LogFormat wanted) {
  if (wanted == LogFormat::kAuto) wanted = ::isatty(STDOUT_FILENO) == 1 ? LogFormat::kPlain : LogFormat::kJson;
  return wanted == LogFormat::kPlain ? log::Format::kPlain : log::Format::kJson;
}

log::Level log_level(LogLevel wanted) {
  switch (wanted) {
    case LogLevel::kDebug: return log::Level::kDebug;
    case LogLevel::kInfo: return log::Level::kInfo;
    case LogLevel::kWarning: return log::Level::kWarning;
    case LogLevel::kError: break;
  }
  return log::Level::kError;
}

ExitCode print(const std::string& text) {
  if (std::fwrite(text.data(), 1, text.size(), stdout) != text.size() || std::fflush(stdout) != 0) {
    throw std::system_error(errno, std::generic_category(), "write to standard output");
  }
  return ExitCode::kOk;
}

std::string version_text() {
  return fmt::format("sidelock {}\n{}\nX25519MLKEM768: {}\ncapture: redirect, tproxy ({})\n", SIDELOCK_VERSION,
                     openssl_version(), has_group("X25519MLKEM768") ? "yes" : "no", backend_names());
}

ExitCode init(const Settings& settings) {
  if (settings.capture.mode == CaptureMode::kNone) {
    log::info("--capture none: init is not needed, there are no rules to install");
    return ExitCode::kOk;
  }
  install_capture(settings.capture);
  return ExitCode::kOk;
}

// Without the rules, clients that came to `run` a moment ago would reach the app in plain text.
ExitCode cleanup(const Invocation& invocation) {
  const std::string server = invocation.is_forced ? "" : who_serves_captured_connections();
  if (!server.empty()) {
    throw Failure{ExitCode::kUsage, server +
                                        ": without the rules its clients reach the app in plain text; end it first, "
                                        "or give --force"};
  }
  remove_capture(invocation.settings.capture);
  return ExitCode::kOk;
}

// The plan goes to standard output, so the log must not: it stays unstarted and writes to standard error.
ExitCode dry_run(const Invocation& invocation) {
  for (const std::string& warning : invocation.warnings) log::warning("{}", warning);
  if (invocation.settings.capture.mode == CaptureMode::kNone) return ExitCode::kOk;
  return print(dry_run_text(invocation.settings.capture));
}

// doctor and explain.
ExitCode look(const Invocation& invocation) {
  const bool is_explain = invocation.command == Command::kExplain;
  const Diagnosis diagnosis = is_explain ? explain(invocation.settings, invocation.explain)
                                         : diagnose(invocation.settings, invocation.warnings);
  print(diagnosis.text);
  return diagnosis.code;
}

// What somebody chose in one line; the defaults only for those who look closer.
void log_settings(const Invocation& invocation) {
  std::string chosen;
  for (const std::string& line : invocation.effective) {
    log::debug("setting {}", line);
    if (!line.ends_with("(default)")) chosen += (chosen.empty() ? "" : ", ") + line;
  }
  log::info("settings: {}; defaults else", chosen);
}

ExitCode execute(const Invocation& invocation) {
  const Settings& settings = invocation.settings;
  if (invocation.command == Command::kHelp) return print(help_text());
  if (invocation.command == Command::kVersion) return print(version_text());
  if (invocation.command == Command::kInit && settings.dry_run) return dry_run(invocation);
  if (invocation.command == Command::kDoctor || invocation.command == Command::kExplain) return look(invocation);

  log::start(log_format(settings.process.log_format), log_level(settings.process.log_level));
  for (const std::string& warning : invocation.warnings) log::warning("{}", warning);
  if (invocation.command == Command::kCleanup) return cleanup(invocation);
  log::info("sidelock {} {}", SIDELOCK_VERSION, invocation.command == Command::kInit ? "init" : "run");
  log_settings(invocation);
  return invocation.command == Command::kInit ? init(settings) : run(settings);
}

ExitCode exit_code(const std::exception& error) {
  if (const auto* failure = dynamic_cast<const Failure*>(&error)) return failure->code();
  if (const auto* system = dynamic_cast<const std::system_error*>(&error)) {
    const std::error_code& code = system->code();
    if (code == std::errc::permission_denied || code == std::errc::operation_not_permitted)
      return ExitCode::kMissingPermission;
  }
  return ExitCode::kFailure;
}

// The settings were refused: no log is configured yet, and the reader is a person.
int refused(const std::exception& error) {
  const ExitCode code = exit_code(error);
  // fputs: a standard error that cannot be written to must not change the exit code, as fmt's exception would.
  std::fputs(fmt::format("sidelock: {}\n", error.what()).c_str(), stderr);
  if (code == ExitCode::kUsage) std::fputs("`sidelock --help` lists the commands and the settings.\n", stderr);
  return static_cast<int>(code);
}

int exit_status(int argc, const char* const* argv) {
  pool_openssl_memory();
  Invocation invocation;
  try {
    invocation = parse_invocation(argc, argv, environ);
  } catch (const std::exception& error) {
    return refused(error);
  }
  ExitCode code = ExitCode::kFailure;
  try {
    code = execute(invocation);
  } catch (const std::exception& error) {
    code = exit_code(error);
    log::error("{}", error.what());
  }
  log::stop(std::chrono::seconds{1});
  return static_cast<int>(code);
}

}  // namespace

}  // namespace sidelock

int main(int argc, char** argv) { return sidelock::exit_status(argc, argv); }
