// A client's whole handshake with a TlsStream, in memory of one process but over a real socket: what both sides make of
// it.
#pragma once

#include <ctime>
#include <memory>
#include <optional>
#include <string>

#include "tls/context.h"
#include "tls/stream.h"
#include "unit/tls/test_certificates.h"

namespace sidelock {

struct SessionPtrFree {
  void operator()(SSL_SESSION* session) const noexcept { ::SSL_SESSION_free(session); }
};
using SessionPtr = std::unique_ptr<SSL_SESSION, SessionPtrFree>;

struct Visitor {
  int version = TLS1_3_VERSION;
  const TestPair* pair = nullptr;  // its certificate, if it has one
  SSL_SESSION* session = nullptr;  // to resume
  std::string early_data;          // what it sends before it knows that the session is resumed
  std::time_t finishes_at = 0;     // it does not send its Finished before
};

struct Visit {
  Handshake handshake = Handshake::kClosed;
  std::string failure;       // the server's reason
  std::string heard;         // what the server would hand to the app: "x" of a client that is let in
  std::optional<int> alert;  // the fatal one that the client got, SSL_AD_*
  std::string answer;        // what the client received: "hello" when it is let in
  bool is_resumed = false;
  int early_data = SSL_EARLY_DATA_NOT_SENT;  // what became of it
  SessionPtr session;                        // the one to resume next
};

Visit visit(const TlsContext& context, const TlsPolicy& policy, const Visitor& visitor);

}  // namespace sidelock
