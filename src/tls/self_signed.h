// A throw-away certificate for trying things out; never written to a file.
#pragma once

#include <string>

#include "tls/handles.h"

namespace sidelock {

struct SelfSigned {
  CertificatePtr certificate;
  KeyPtr private_key;
};

// An ECDSA P-256 certificate for `name` (a DNS name or an IP address, which becomes the subject alternative name),
// valid from an hour ago for a week. Throws Failure{kCredentialUnusable}.
SelfSigned make_self_signed(const std::string& name);

}  // namespace sidelock
