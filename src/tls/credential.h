// A certificate chain with its private key: loaded, checked to belong together, or made on the spot.
// Immutable once loaded; shared by all threads through shared_ptr<const Credential>.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "config/settings.h"
#include "tls/credential_choice.h"
#include "tls/handles.h"

namespace sidelock {

struct Credential {
  CertificatePtr certificate;
  std::vector<CertificatePtr> chain;  // the issuers, in the order of the file
  KeyPtr private_key;
  std::string source;   // file names, or "self-signed", for messages
  std::string subject;  // as printed by OpenSSL; untrusted text
  CredentialNames names;
  bool is_key_exposed = false;      // every user may read the key's file
  bool has_malformed_name = false;  // a name that was left out, such as one with a NUL byte
  std::chrono::system_clock::time_point not_before;
  std::chrono::system_clock::time_point not_after;
};

using Credentials = std::vector<std::shared_ptr<const Credential>>;  // the first is the default

// Where a file that the settings name is read.
using FilePlace = std::function<std::string(const std::string&)>;

// Loads what the settings name. Throws Failure{kCredentialUnusable} naming the file and OpenSSL's reason when something
// is missing, unparsable or the key is not the certificate's. An expired certificate is not a failure.
Credentials load_credentials(const TlsSettings& settings, const FilePlace& place);

// Which of them answers for which name; the places are those in `credentials`.
CredentialChoice choice_among(const Credentials& credentials);

}  // namespace sidelock
