// Lets a client's server name (RFC 6066, 3) choose the credential, before anything else of its ClientHello is looked
// at: a session ticket is then judged by the credential that is about to be used.
#pragma once

#include <vector>

#include "tls/credential_choice.h"
#include "tls/handles.h"

namespace sidelock {

// Immutable; lives as long as the SSL_CTX that it is installed in.
class ServerNames {
 public:
  // `contexts` are those of choice.sets() but the first, in their order. With `is_strict` an unknown name is refused
  // with the alert unrecognized_name; else it gets the default credential, as a client without a name always does.
  ServerNames(CredentialChoice choice, std::vector<SslContextPtr> contexts, bool is_strict);

  // Whether there is anything to choose or refuse. Without, no handshake needs to look.
  [[nodiscard]] bool is_needed() const noexcept { return is_strict_ || !contexts_.empty(); }

  // Within SSL_CTX_set_client_hello_cb(3): makes the connection use the context for its server name. False, with an
  // error of ours queued, when the name is to be refused.
  [[nodiscard]] bool choose(SSL* ssl) const;

 private:
  CredentialChoice choice_;
  std::vector<SslContextPtr> contexts_;
  bool is_strict_;
};

}  // namespace sidelock
