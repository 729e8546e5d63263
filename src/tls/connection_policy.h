// The policy of the port that a connection came to, for OpenSSL's callbacks.
#pragma once

#include "config/settings.h"
#include "tls/handles.h"

namespace sidelock {

// `policy` outlives the connection. Throws std::bad_alloc.
void set_policy(SSL* ssl, const TlsPolicy& policy);
const TlsPolicy& policy_of(const SSL* ssl);

}  // namespace sidelock
