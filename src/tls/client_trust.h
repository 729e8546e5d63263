// Whom we trust to vouch for clients: the authorities of --client-ca-file and the revocation lists of
// --client-crl-file. Immutable once loaded; any thread.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include "tls/digest.h"
#include "tls/handles.h"

namespace sidelock {

struct ClientTrust {
  std::vector<CertificatePtr> authorities;                         // each is trusted as it stands, whoever signed it
  std::vector<RevocationListPtr> revocation_lists;                 // none: revocation is not checked
  std::string source;                                              // file names, for messages
  std::optional<std::chrono::system_clock::time_point> lists_end;  // when the first of the lists is out of date
  Digest digest{};                                                 // of all of it

  // The authorities and the lists. Throws Failure{kCredentialUnusable}.
  [[nodiscard]] StorePtr make_store() const;

  // How chains are verified by them: their length, and whether lists are asked for. Throws
  // Failure{kCredentialUnusable}.
  void set_rules(X509_VERIFY_PARAM* rules) const;

  // Makes `context` verify clients by both. Throws Failure{kCredentialUnusable}.
  void install(SSL_CTX* context) const;
};

// `list_file` may be empty. Throws Failure{kCredentialUnusable} naming the file when one is missing, unparsable or
// holds a certificate that is no authority's.
ClientTrust load_client_trust(const std::string& authority_file, const std::string& list_file);

}  // namespace sidelock
