// What a finished handshake agreed on; the text from the client is untrusted.
#pragma once

#include <string>
#include <string_view>

#include "base/pool.h"
#include "tls/handles.h"

namespace sidelock {

// The views are of names that OpenSSL keeps for good.
struct TlsFacts : pool::Pooled {
  std::string_view version;         // "1.3"
  std::string_view cipher;          // "TLS_AES_128_GCM_SHA256"
  std::string_view openssl_cipher;  // OpenSSL's own name: "ECDHE-RSA-AES128-GCM-SHA256"
  std::string group;                // "x25519", empty: none
  std::string protocol;             // ALPN, empty when none
  std::string server_name;
  std::string client_subject;           // RFC 2253
  std::string client_common_name;       // the first
  bool has_client_certificate = false;  // one that was verified
  bool is_resumed = false;
};

// After a handshake that succeeded.
TlsFacts facts_of(SSL* ssl);

}  // namespace sidelock
