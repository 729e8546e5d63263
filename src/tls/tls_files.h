// All that is read from files for TLS: the credentials and whom we trust to vouch for clients.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "config/settings.h"
#include "tls/client_trust.h"
#include "tls/credential.h"

namespace sidelock {

struct TlsFiles {
  Credentials credentials;
  std::shared_ptr<const ClientTrust> client_trust;  // null when no port asks clients for certificates
};

// Loads what the settings name, all of one version where it is mounted as a Kubernetes Secret. Throws
// Failure{kCredentialUnusable} naming the file.
TlsFiles load_tls_files(const TlsSettings& settings);

// The files that the settings name; none for a self-signed certificate alone.
std::vector<std::string> names_of_tls_files(const TlsSettings& settings);

}  // namespace sidelock
