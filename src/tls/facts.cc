// See facts.h.
#include "tls/facts.h"

#include <algorithm>

#include "tls/peer_identity.h"

namespace sidelock {

TlsFacts facts_of(SSL* ssl) {
  TlsFacts facts;
  facts.version = ::SSL_get_version(ssl);  // "TLSv1.3"
  facts.version.remove_prefix(std::min<std::size_t>(facts.version.size(), 4));
  facts.cipher = ::SSL_CIPHER_standard_name(::SSL_get_current_cipher(ssl));
  facts.openssl_cipher = ::SSL_CIPHER_get_name(::SSL_get_current_cipher(ssl));
  if (const char* group = ::SSL_group_to_name(ssl, static_cast<int>(SSL_get_negotiated_group(ssl)))) {
    facts.group = group;
  }
  const unsigned char* protocol = nullptr;
  unsigned int size = 0;
  ::SSL_get0_alpn_selected(ssl, &protocol, &size);
  if (protocol != nullptr) facts.protocol.assign(reinterpret_cast<const char*>(protocol), size);
  if (const char* name = ::SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name)) facts.server_name = name;
  facts.is_resumed = ::SSL_session_reused(ssl) == 1;
  const X509* const certificate = ::SSL_get0_peer_certificate(ssl);
  if (certificate != nullptr && ::SSL_get_verify_result(ssl) == X509_V_OK) {
    const PeerIdentity client = identity_of(certificate);
    facts.has_client_certificate = true;
    facts.client_subject = client.subject;
    if (!client.common_names.empty()) facts.client_common_name = client.common_names.front();
  }
  return facts;
}

}  // namespace sidelock
