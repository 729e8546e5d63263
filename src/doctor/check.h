// One thing that doctor looked at, and what it found. Plain values.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "base/error.h"

namespace sidelock {

enum class CheckStatus { kOk, kWarning, kFailed, kSkipped };

struct Check {
  std::string name;  // one word; docs/operations.md lists them
  CheckStatus status = CheckStatus::kOk;
  std::string detail;             // what was found; for kSkipped why it could not be looked at
  std::string remedy;             // the command or setting that mends it; empty for kOk
  ExitCode code = ExitCode::kOk;  // the class of a failure; kOk for everything else
};

using Checks = std::vector<Check>;

inline Check ok(std::string name, std::string detail) {
  return {std::move(name), CheckStatus::kOk, std::move(detail), {}, ExitCode::kOk};
}
inline Check warning(std::string name, std::string detail, std::string remedy) {
  return {std::move(name), CheckStatus::kWarning, std::move(detail), std::move(remedy), ExitCode::kOk};
}
inline Check failed(std::string name, ExitCode code, std::string detail, std::string remedy) {
  return {std::move(name), CheckStatus::kFailed, std::move(detail), std::move(remedy), code};
}
inline Check skipped(std::string name, std::string why, std::string remedy = {}) {
  return {std::move(name), CheckStatus::kSkipped, std::move(why), std::move(remedy), ExitCode::kOk};
}

}  // namespace sidelock
