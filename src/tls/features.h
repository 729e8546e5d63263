// What the OpenSSL that runs now can do, asked from itself: it may be newer or older than the one we were built with.
#pragma once

#include <string>

namespace sidelock {

// "OpenSSL 3.0.16 11 Feb 2025".
std::string openssl_version();

// Whether key exchange by the group of that name ("X25519MLKEM768") is available.
bool has_group(std::string name);

}  // namespace sidelock
