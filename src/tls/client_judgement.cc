// See client_judgement.h.
#include "tls/client_judgement.h"

#include <memory>
#include <new>

#include <openssl/err.h>

#include "policy/allow_list.h"
#include "tls/certificate_names.h"
#include "tls/peer_identity.h"
#include "tls/security_level.h"

namespace sidelock {

namespace {

// OpenSSL frees a stack of certificates without them by this alone, which is a macro's work.
struct FreeStack {
  void operator()(STACK_OF(X509) * stack) const noexcept { sk_X509_free(stack); }
};
using StackPtr = std::unique_ptr<STACK_OF(X509), FreeStack>;

StackPtr borrowed(const std::vector<CertificatePtr>& chain) {
  StackPtr stack{sk_X509_new_null()};
  for (const CertificatePtr& certificate : chain) {
    if (!stack || sk_X509_push(stack.get(), certificate.get()) == 0) throw std::bad_alloc{};
  }
  return stack;
}

ClientJudgement without_certificate(const TlsPolicy& policy) {
  if (policy.client_auth == ClientAuth::kOptional) return {ClientVerdict::kAllowed, {}};
  return {ClientVerdict::kMissing, "a certificate is required"};
}

}  // namespace

std::string about_client(const X509* certificate, const std::string& what) {
  return "client certificate " + subject_of(certificate) + ": " + what;
}

std::optional<ClientFault> fault_of_client(X509_STORE_CTX* store) {
  const bool is_verified = ::X509_verify_cert(store) == 1;
  const X509* const certificate = ::X509_STORE_CTX_get0_cert(store);
  if (!is_verified) {
    const int error = ::X509_STORE_CTX_get_error(store);
    return ClientFault{error == X509_V_OK ? X509_V_ERR_UNSPECIFIED : error,
                       about_client(certificate, ::X509_verify_cert_error_string(error))};
  }
  if (names_in(certificate).is_malformed) {
    return ClientFault{X509_V_ERR_CERT_REJECTED,
                       about_client(certificate, "a name with a NUL byte, or one that cannot be read")};
  }
  return std::nullopt;
}

ClientJudgement judge_identity(const X509* certificate, const TlsPolicy& policy) {
  if (is_allowed(identity_of(certificate), policy.allowed_clients)) return {ClientVerdict::kAllowed, {}};
  return {ClientVerdict::kNotAllowed, about_client(certificate, "not on the allow list of this port")};
}

ClientJudgement foresee_client(const std::vector<CertificatePtr>& chain, const ClientTrust& trust,
                               const TlsPolicy& policy) {
  if (chain.empty()) return without_certificate(policy);
  const StorePtr authorities = trust.make_store();
  const StackPtr stack = borrowed(chain);
  const StoreContextPtr store{::X509_STORE_CTX_new()};
  if (store == nullptr ||
      ::X509_STORE_CTX_init(store.get(), authorities.get(), chain.front().get(), stack.get()) != 1 ||
      ::X509_STORE_CTX_set_default(store.get(), "ssl_client") != 1)
    throw std::bad_alloc{};
  X509_VERIFY_PARAM* const rules = ::X509_STORE_CTX_get0_param(store.get());
  trust.set_rules(rules);
  ::X509_VERIFY_PARAM_set_auth_level(rules, kSecurityLevel);
  const std::optional<ClientFault> fault = fault_of_client(store.get());
  ::ERR_clear_error();
  if (fault) return {ClientVerdict::kInvalid, fault->reason};
  return judge_identity(chain.front().get(), policy);
}

std::string allowing_entry_of(const X509* certificate, const TlsPolicy& policy) {
  const PeerIdentity client = identity_of(certificate);
  const std::optional<AllowingEntry> entry = allowing_entry(client, policy.allowed_clients);
  return entry ? std::string{entry->setting} + ' ' + std::string{entry->value} : std::string{};
}

}  // namespace sidelock
