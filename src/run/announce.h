// What run says in its log of the certificates that it serves with.
#pragma once

#include <chrono>
#include <string>
#include <vector>

#include "tls/tls_files.h"

namespace sidelock {

// One line for each certificate with the time it has left, and a warning for whatever clients will stumble over.
void announce(const TlsFiles& files) noexcept;

// One for each certificate that is not valid at this time, and for revocation lists that are out of date. Pure.
std::vector<std::string> expiry_warnings(const TlsFiles& files, std::chrono::system_clock::time_point now);

// These, in the log.
void warn_of_expiry(const TlsFiles& files) noexcept;

}  // namespace sidelock
