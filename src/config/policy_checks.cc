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
  for (const std::string_view key : {"allow-dns", "allow-uri", "allow-cn", "allow-ou", "allow-spki-pin"}) {
    if (policy.tls.client_auth == ClientAuth::kRequire || !texts.is_given(key)) continue;
    contradiction(texts.of(key),
                  fmt::format("would let in every client, since client-auth is {}", texts.of("client-auth").text),
                  fmt::format("--client-auth require, or an empty {} of the ports without it", key));
  }
  if (policy.tls.is_plaintext_allowed && policy.tls.client_auth == ClientAuth::kRequire) {
    contradiction(texts.of("plaintext"), "would let clients in without the certificate that client-auth requires",
                  "--plaintext refuse, or --client-auth optional");
  }
  if (policy.connect_first && policy.tls.client_auth == ClientAuth::kRequire) {
    contradiction(texts.of("connect-first"), "would connect clients to the app that client-auth has not let in yet",
                  "--connect-first off, or --client-auth optional");
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
