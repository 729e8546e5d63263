// See policy_checks.h.
#include "config/policy_checks.h"

#include <fmt/format.h>

#include "base/error.h"

namespace sidelock {

namespace {

[[noreturn]] void contradiction(const SettingValue& value, std::string_view problem, std::string_view allowed) {
  throw Failure{ExitCode::kUsage, fmt::format("{}: {}; allowed: {}", value.where, problem, allowed)};
}

}  // namespace

void check_policy(const PolicyTexts& texts, const PortPolicy& policy, CaptureMode mode) {
  if (mode == CaptureMode::kNone && texts.is_given("upstream")) {
    contradiction(texts.of("upstream"), "has no meaning with --capture none", "--listen [ADDRESS:]PORT=[ADDRESS:]PORT");
  }
  if (policy.preserve_source == PreserveSource::kOff) return;
  if (mode == CaptureMode::kNone) {
    contradiction(texts.of("preserve-source"), "needs rules of init, which --capture none does without",
                  "off, or --capture redirect or tproxy");
  }
  if (texts.is_given("upstream") && texts.of("upstream").text != "loopback") {
    contradiction(
        texts.of("preserve-source"),
        fmt::format("goes over loopback, but {} is \"{}\"", texts.of("upstream").where, texts.of("upstream").text),
        "--upstream loopback or none");
  }
}

}  // namespace sidelock
