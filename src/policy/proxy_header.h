// The PROXY protocol header that tells the app whom a connection comes from (haproxy.org, proxy-protocol.txt). Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "base/address.h"
#include "config/settings.h"

namespace sidelock {

// What the client proved of itself; only where it showed a certificate.
struct ProxiedCertificate {
  std::string common_name;          // UTF-8, empty when the certificate has none
  std::uint32_t verify_result = 0;  // X509_V_OK (0), or why it was not verified
  bool is_from_session = false;     // shown when the resumed session began, not on this connection
};

struct ProxiedTls {
  std::string version;      // "1.3"
  std::string cipher;       // as OpenSSL calls it: receivers compare with that
  std::string protocol;     // ALPN, empty when none
  std::string server_name;  // SNI, empty when none
  std::optional<ProxiedCertificate> certificate;
};

struct ProxiedConnection {
  ClientAddress client;
  OriginalDestination destination;
  std::optional<ProxiedTls> tls;  // none: the client came in plain text
  std::string unique_id;          // at most 128 bytes; empty: none
};

// The bytes that go to the app before any other; none for kOff. Version 1 holds the addresses alone.
std::string proxy_header(ProxyProtocol version, const ProxiedConnection& connection);

}  // namespace sidelock
