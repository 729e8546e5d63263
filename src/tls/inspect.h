// What is wrong with a credential that loads all the same, and what it says, for people.
#pragma once

#include <chrono>
#include <string>
#include <vector>

#include "tls/client_trust.h"
#include "tls/credential.h"

namespace sidelock {

// Each names one fault and is made of OpenSSL's untrusted text, escaped; empty when clients will find none of these:
// the chain is in order and signed, every certificate in it is valid at `now`, the first one is for servers and has a
// name.
std::vector<std::string> credential_faults(const Credential& credential, std::chrono::system_clock::time_point now);

// The same of whom we trust to vouch for clients: each fault has clients of an authority refused, all of them.
std::vector<std::string> client_trust_faults(const ClientTrust& trust, std::chrono::system_clock::time_point now);

// The DNS names and addresses of the subjectAltName, escaped; not more than a handful.
std::vector<std::string> alternative_names(const Credential& credential);

// Whether a client that means this server by that name or address accepts the certificate's names.
bool is_for_server(const Credential& credential, const std::string& server_name);

// "CN=...", escaped.
std::string issuer_of(const Credential& credential);

// Whether OpenSSL serves with these settings: suites, groups, the strength of the key. Throws Failure when not.
void check_servable(const TlsSettings& settings);

}  // namespace sidelock
