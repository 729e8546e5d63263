// The names in a certificate, each kept as what it is: a DNS name never passes for a URI, nor an address for a name.
#pragma once

#include <string>
#include <vector>

#include "base/address.h"
#include "tls/handles.h"

namespace sidelock {

// From the subject alternative name (RFC 5280, 4.2.1.6) and the subject. Untrusted text.
struct CertificateNames {
  std::vector<std::string> dns;  // in lower case; a leading "*." included
  std::vector<std::string> uris;
  std::vector<IpAddress> addresses;
  std::vector<std::string> common_names;  // UTF-8, as are the units
  std::vector<std::string> units;         // OU
  bool has_alternatives = false;          // whether there is a subject alternative name at all
  // A name with a NUL byte (which C programs would read as another, shorter name), or one that cannot be decoded: such
  // a name is in none of the lists, and a certificate of somebody else's is not to be trusted.
  bool is_malformed = false;
};

CertificateNames names_in(const X509* certificate);

}  // namespace sidelock
