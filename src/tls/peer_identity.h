// A client's certificate as plain values.
#pragma once

#include <string>

#include "policy/allow_list.h"
#include "tls/handles.h"

namespace sidelock {

PeerIdentity identity_of(const X509* certificate);

// The subject as one line (RFC 2253); untrusted text.
std::string subject_of(const X509* certificate);

}  // namespace sidelock
