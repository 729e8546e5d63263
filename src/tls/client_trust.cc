// See client_trust.h.
#include "tls/client_trust.h"

#include <algorithm>

#include <openssl/err.h>

#include "tls/error.h"
#include "tls/peer_identity.h"
#include "tls/pem_file.h"

namespace sidelock {

namespace {

// Authorities between the client's certificate and the trusted one.
constexpr int kDeepest = 4;
// What a client may send us: four certificates of 8 KiB, which is what the largest post-quantum ones take.
constexpr long kLongestChain = 32L * 1024;
// The message that names the authorities has a length of two bytes, and each handshake sends it.
constexpr std::size_t kMostNameBytes = std::size_t{16} * 1024;

void require(bool succeeded, const std::string& what) {
  if (!succeeded) unusable("cannot " + what, take_openssl_error());
}

std::size_t name_bytes(const std::vector<CertificatePtr>& authorities) {
  std::size_t bytes = 0;
  for (const CertificatePtr& authority : authorities) {
    bytes += static_cast<std::size_t>(std::max(0, ::i2d_X509_NAME(::X509_get_subject_name(authority.get()), nullptr)));
  }
  return bytes;
}

}  // namespace

StorePtr ClientTrust::make_store() const {
  StorePtr store{::X509_STORE_new()};
  require(store != nullptr, "make a certificate store");
  for (const CertificatePtr& authority : authorities) {
    require(::X509_STORE_add_cert(store.get(), authority.get()) == 1, "trust an authority of " + source);
  }
  for (const RevocationListPtr& list : revocation_lists) {
    require(::X509_STORE_add_crl(store.get(), list.get()) == 1, "use a revocation list of " + source);
  }
  return store;
}

void ClientTrust::set_rules(X509_VERIFY_PARAM* rules) const {
  unsigned long flags = X509_V_FLAG_PARTIAL_CHAIN;
  if (!revocation_lists.empty()) flags |= X509_V_FLAG_CRL_CHECK | X509_V_FLAG_CRL_CHECK_ALL;
  require(::X509_VERIFY_PARAM_set_flags(rules, flags) == 1, "set how clients are verified");
  ::X509_VERIFY_PARAM_set_depth(rules, kDeepest);
}

void ClientTrust::install(SSL_CTX* context) const {
  const StorePtr store = make_store();
  require(SSL_CTX_set1_verify_cert_store(context, store.get()) == 1, "use the authorities of " + source);
  set_rules(::SSL_CTX_get0_param(context));
  // With more names than the message holds it says none, which means any.
  if (name_bytes(authorities) <= kMostNameBytes) {
    for (const CertificatePtr& authority : authorities) {
      require(::SSL_CTX_add_client_CA(context, authority.get()) == 1, "name an authority of " + source);
    }
  }
  SSL_CTX_set_max_cert_list(context, kLongestChain);
}

ClientTrust load_client_trust(const std::string& authority_file, const std::string& list_file) {
  ClientTrust trust;
  Sha256 digest;
  trust.source = authority_file;
  trust.authorities = load_certificates(authority_file);
  for (const CertificatePtr& authority : trust.authorities) {
    if (::X509_check_ca(authority.get()) == 0) {
      unusable("unusable authority file " + authority_file,
               "the certificate " + subject_of(authority.get()) + " is no authority's (basicConstraints CA:TRUE)");
    }
    digest.add(authority.get());
  }
  if (!list_file.empty()) {
    trust.source += " and " + list_file;
    trust.revocation_lists = load_revocation_lists(list_file);
    for (const RevocationListPtr& list : trust.revocation_lists) {
      digest.add(list.get());
      const ASN1_TIME* const next = ::X509_CRL_get0_nextUpdate(list.get());
      if (next != nullptr && (!trust.lists_end || to_time(next) < *trust.lists_end)) trust.lists_end = to_time(next);
    }
  }
  ::ERR_clear_error();
  trust.digest = digest.finish();
  return trust;
}

}  // namespace sidelock
