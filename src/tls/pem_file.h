// Reads PEM files. Every function throws Failure{kCredentialUnusable} that names the file and the reason.
#pragma once

#include <chrono>
#include <string>
#include <vector>

#include "tls/handles.h"

namespace sidelock {

// Throws: `what: why`.
[[noreturn]] void unusable(const std::string& what, const std::string& why);

// All certificates of the file, at least one. A private key in it is passed over.
std::vector<CertificatePtr> load_certificates(const std::string& path);

// The first private key, which must not be encrypted. What was read is wiped.
KeyPtr load_key(const std::string& path);

// All revocation lists, at least one.
std::vector<RevocationListPtr> load_revocation_lists(const std::string& path);

std::chrono::system_clock::time_point to_time(const ASN1_TIME* time);

}  // namespace sidelock
