// See report.h.
#include "doctor/report.h"

#include <algorithm>
#include <array>
#include <string_view>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace sidelock {

namespace {

constexpr std::array<std::string_view, 4> kStatusNames{"ok", "warning", "failed", "skipped"};

// What makes the others pointless to look at comes first: settings that cannot be, then what `run` would not start
// with.
constexpr std::array kClasses{ExitCode::kUsage,     ExitCode::kCredentialUnusable, ExitCode::kMissingPermission,
                              ExitCode::kNoBackend, ExitCode::kVerificationFailed, ExitCode::kFailure};

std::string_view name_of(CheckStatus status) { return kStatusNames.at(static_cast<std::size_t>(status)); }

auto count(const Checks& checks, CheckStatus status) { return std::ranges::count(checks, status, &Check::status); }

}  // namespace

std::string report_as_text(const Checks& checks) {
  std::string text;
  for (const Check& check : checks) {
    text += fmt::format("{:<8} {:<13} {}\n", name_of(check.status), check.name, check.detail);
    if (!check.remedy.empty()) text += fmt::format("{:<8} {:<13} => {}\n", "", "", check.remedy);
  }
  return text + fmt::format("{} ok, {} warning, {} failed, {} skipped\n", count(checks, CheckStatus::kOk),
                            count(checks, CheckStatus::kWarning), count(checks, CheckStatus::kFailed),
                            count(checks, CheckStatus::kSkipped));
}

std::string report_as_json(const Checks& checks) {
  nlohmann::ordered_json all = nlohmann::ordered_json::array();
  for (const Check& check : checks) {
    nlohmann::ordered_json one{{"name", check.name}, {"status", name_of(check.status)}, {"detail", check.detail}};
    if (!check.remedy.empty()) one["remedy"] = check.remedy;
    if (check.status == CheckStatus::kFailed) one["exit_code"] = static_cast<int>(check.code);
    all.push_back(std::move(one));
  }
  const nlohmann::ordered_json report{
      {"version", SIDELOCK_VERSION}, {"exit_code", static_cast<int>(exit_code_of(checks))}, {"checks", std::move(all)}};
  // Names of files and processes need not be UTF-8.
  return report.dump(2, ' ', false, nlohmann::ordered_json::error_handler_t::replace) + '\n';
}

ExitCode exit_code_of(const Checks& checks) {
  for (const ExitCode code : kClasses) {
    if (std::ranges::any_of(checks, [code](const Check& check) { return check.code == code; })) return code;
  }
  return ExitCode::kOk;
}

}  // namespace sidelock
