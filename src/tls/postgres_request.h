// What a PostgreSQL client may say before TLS: it asks for encryption in a packet of its own and waits for one letter
// (PostgreSQL's documentation, "Message Formats": SSLRequest, GSSENCRequest, CancelRequest). Pure.
#pragma once

#include <cstddef>
#include <span>

namespace sidelock {

enum class PostgresRequest {
  kIncomplete,  // nothing yet, or the beginning of one of them
  kTls,         // SSLRequest: answered S, and TLS follows
  kGss,         // GSSENCRequest: answered N, and the client asks for something else
  kCancel,      // CancelRequest: nothing follows, and nothing is answered
  kNone,
};

// SSLRequest and GSSENCRequest are that long, and nothing comes behind them before they are answered.
inline constexpr std::size_t kPostgresRequestSize = 8;

PostgresRequest inspect_postgres_request(std::span<const std::byte> bytes);

}  // namespace sidelock
