// Throw-away authorities and certificates in memory.
#pragma once

#include <memory>
#include <string>

#include "tls/client_trust.h"

namespace sidelock {

struct TestPair {
  CertificatePtr certificate;
  KeyPtr key;
};

struct Validity {
  long begins = -3600;  // in seconds from now
  long ends = 3600;
};

TestPair make_authority(const std::string& name);
TestPair issue_for_client(const TestPair& authority, const std::string& name, Validity validity = {});

// A revocation list with that certificate in it.
RevocationListPtr revoke(const TestPair& authority, const X509* certificate);

}  // namespace sidelock
