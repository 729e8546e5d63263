// What run says in its log of the certificates that it serves with.
#pragma once

#include "config/settings.h"
#include "tls/tls_files.h"

namespace sidelock {

// One line for each certificate with the time it has left, and a warning for whatever clients will stumble over.
void announce(const TlsFiles& files);

// A warning for each certificate that is not valid at this time.
void warn_of_expiry(const Credentials& credentials);

}  // namespace sidelock
