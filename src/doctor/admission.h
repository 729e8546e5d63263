// What `run` makes of a client's certificate, in words.
#pragma once

#include <string>
#include <vector>

#include "config/settings.h"
#include "tls/client_trust.h"
#include "tls/handles.h"

namespace sidelock {

struct Admission {
  std::string text;
  std::string outcome;  // with which the client is refused; empty: it is let in
};

// Of a client that shows this certificate and its issuers, or nothing, on a port that asks for one.
Admission admission_of(const std::vector<CertificatePtr>& chain, const ClientTrust& trust, const TlsPolicy& policy);

}  // namespace sidelock
