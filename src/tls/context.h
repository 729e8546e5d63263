// What every TLS connection of one worker shares: the credentials, the versions, suites and groups, and tickets. What
// differs by port is a TlsPolicy, which each connection carries: one context serves all ports.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "config/settings.h"
#include "tls/handles.h"
#include "tls/ticket_keys.h"
#include "tls/tls_files.h"

namespace sidelock {

// Immutable once made. Each worker has its own, so that workers share no reference counts on the data path; connections
// keep theirs alive through OpenSSL's reference count, so a new credential never touches an open connection.
class TlsContext {
 public:
  // Throws Failure{kCredentialUnusable} when OpenSSL refuses the credential (a key too weak for security level 2, for
  // one), and Failure{kUsage} when it has no such cipher suite or group.
  TlsContext(const TlsSettings& settings, const TlsFiles& files, const std::shared_ptr<TicketKeys>& tickets);
  TlsContext(const TlsContext&) = delete;
  TlsContext& operator=(const TlsContext&) = delete;

  // One connection on a port with that policy, which outlives it; the callbacks find it with the SSL. It begins with
  // the default credential, and its ClientHello may choose another. Throws std::bad_alloc.
  [[nodiscard]] SslPtr make_ssl(const TlsPolicy& policy) const;

  // --record-layer native.
  [[nodiscard]] bool is_record_layer_native() const noexcept { return is_record_layer_native_; }

 private:
  struct Callbacks;  // what OpenSSL's callbacks need; owned by the SSL_CTX, which may outlive this object

  static SslContextPtr make(const TlsSettings& settings, const std::vector<const Credential*>& credentials,
                            const std::shared_ptr<const ClientTrust>& trust,
                            const std::shared_ptr<TicketKeys>& tickets);

  SslContextPtr context_;
  bool is_record_layer_native_;
};

}  // namespace sidelock
