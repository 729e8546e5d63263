// Where OpenSSL's traffic secrets come from: what it tells a key log (SSL_CTX_set_keylog_callback(3)), which here is
// memory of the connection's own and nothing else.
#pragma once

#include "base/pool.h"
#include "tls/handles.h"
#include "tls/traffic_secret.h"

namespace sidelock {

// Of a TLS 1.3 connection: those that protect what is sent after the handshake.
struct TrafficSecrets : pool::Pooled {
  TrafficSecret client;
  TrafficSecret server;
  [[nodiscard]] bool is_whole() const noexcept { return client.size() > 0 && client.size() == server.size(); }
};

// From here on `secrets` receive the connection's while its tap is open; nobody with nullptr. They outlive the SSL or
// that.
void connect_tap(SSL* ssl, TrafficSecrets* secrets) noexcept;

// OpenSSL writes each secret as text, which costs two microseconds: the tap is open only while a secret is due that is
// wanted. It belongs to the SSL_CTX, which therefore is one thread's.
void open_tap(SSL* ssl) noexcept;
void close_tap(SSL* ssl) noexcept;

}  // namespace sidelock
