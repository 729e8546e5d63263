// Whether the certificate of a client is good, and allowed: what the handshake decides with, and whoever wants to know
// beforehand.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "config/settings.h"
#include "tls/client_trust.h"
#include "tls/handles.h"

namespace sidelock {

enum class ClientVerdict {
  kAllowed,
  kMissing,     // no certificate, where one is required
  kInvalid,     // one that does not verify, or no longer
  kNotAllowed,  // a good one that the allow list does not have
};

struct ClientJudgement {
  ClientVerdict verdict = ClientVerdict::kMissing;
  std::string reason;  // for the log; untrusted text. Empty for kAllowed
};

struct ClientFault {
  int error = 0;  // X509_V_ERR_*, which chooses the alert
  std::string reason;
};

// "client certificate CN=web: what".
std::string about_client(const X509* certificate, const std::string& what);

// What is wrong with the certificate that `store` has been set up for; none: it is verified.
std::optional<ClientFault> fault_of_client(X509_STORE_CTX* store);

// Whether the verified certificate is on the port's list.
ClientJudgement judge_identity(const X509* certificate, const TlsPolicy& policy);

// What a handshake now, on a port that asks for certificates, would make of a client that sends these: its own first,
// or none at all. Throws std::bad_alloc.
ClientJudgement foresee_client(const std::vector<CertificatePtr>& chain, const ClientTrust& trust,
                               const TlsPolicy& policy);

// By which entry of the list the client gets in, as the settings write it: "allow-cn web"; empty when there is no list.
// For a client that is allowed.
std::string allowing_entry_of(const X509* certificate, const TlsPolicy& policy);

}  // namespace sidelock
