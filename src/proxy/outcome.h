// How a connection ended: the fixed list of reasons that the access log, the metrics and the docs share.
#pragma once

#include <array>
#include <cstddef>
#include <string_view>

namespace sidelock {

enum class Outcome {
  kOk,
  kClientClosedBare,
  kClientReset,
  kClientTruncated,
  kIdleTimeout,
  kCloseTimeout,
  kAppReset,
  kAppRefused,
  kAppUnreachable,
  kConnectTimeout,
  kHandshakeTimeout,
  kHandshakeClosed,
  kHandshakeFailed,
  kPlaintext,
  kNoApplicationProtocol,
  kUnknownName,
  kClientCertMissing,
  kClientCertInvalid,
  kClientNotAllowed,
  kNotCaptured,
  kNotConfigured,
  kForeignDestination,
  kLoop,
  kKeyUpdateFlood,
  kRecordError,
  kDrained,
  kLimit,
  kInternal,
};

inline constexpr std::array<std::string_view, 28> kOutcomeNames{
    "ok",
    "client_closed_bare",
    "client_reset",
    "client_truncated",
    "idle_timeout",
    "close_timeout",
    "app_reset",
    "app_refused",
    "app_unreachable",
    "connect_timeout",
    "handshake_timeout",
    "handshake_closed",
    "handshake_failed",
    "plaintext",
    "no_application_protocol",
    "unknown_name",
    "client_cert_missing",
    "client_cert_invalid",
    "client_not_allowed",
    "not_captured",
    "not_configured",
    "foreign_destination",
    "loop",
    "key_update_flood",
    "record_error",
    "drained",
    "limit",
    "internal",
};
static_assert(kOutcomeNames.size() == static_cast<std::size_t>(Outcome::kInternal) + 1);

constexpr std::string_view name(Outcome outcome) { return kOutcomeNames[static_cast<std::size_t>(outcome)]; }

// Endings that are no failure of anybody.
constexpr bool is_routine_ending(Outcome outcome) {
  return outcome == Outcome::kOk || outcome == Outcome::kClientClosedBare || outcome == Outcome::kHandshakeClosed ||
         outcome == Outcome::kDrained;
}

// Endings before there was a TLS connection, for reasons that lie in the handshake.
constexpr bool is_handshake_ending(Outcome outcome) {
  switch (outcome) {
    case Outcome::kHandshakeTimeout:
    case Outcome::kHandshakeClosed:
    case Outcome::kHandshakeFailed:
    case Outcome::kPlaintext:
    case Outcome::kNoApplicationProtocol:
    case Outcome::kUnknownName:
    case Outcome::kClientCertMissing:
    case Outcome::kClientCertInvalid:
    case Outcome::kClientNotAllowed: return true;
    default: return false;
  }
}

}  // namespace sidelock
