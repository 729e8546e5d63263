// See client_gate.h.
#include "tls/client_gate.h"

#include <algorithm>

#include <openssl/err.h>

#include "tls/callback.h"
#include "tls/connection_policy.h"
#include "tls/error.h"
#include "tls/pem_file.h"

namespace sidelock {

namespace {

// Of those for private use (RFC 8446, 11). It is never sent: see deny_access().
constexpr unsigned kAlertExtension = 0xFFC9;

int denied_index() {
  static const int index =
      made_index(::CRYPTO_get_ex_new_index(CRYPTO_EX_INDEX_SSL, 0, nullptr, nullptr, nullptr, nullptr));
  return index;
}

std::chrono::seconds life_of(X509_STORE_CTX* store, const ClientTrust& trust) {
  const auto now = std::chrono::system_clock::now();
  auto end = now + std::chrono::hours{24};
  if (trust.lists_end) end = std::min(end, *trust.lists_end);
  const auto* const chain = ::X509_STORE_CTX_get0_chain(store);
  for (int i = 0; i < sk_X509_num(chain); ++i) {
    end = std::min(end, to_time(::X509_get0_notAfter(sk_X509_value(chain, i))));
  }
  return std::chrono::duration_cast<std::chrono::seconds>(end - now);
}

int reject(X509_STORE_CTX* store, int error, OwnError own, const std::string& reason) {
  ::X509_STORE_CTX_set_error(store, error);  // chooses the alert
  ::ERR_clear_error();
  raise_error(own, reason);
  return 0;
}

int judge_chain(X509_STORE_CTX* store, const ClientTrust& trust) {
  auto* const ssl = static_cast<SSL*>(::X509_STORE_CTX_get_ex_data(store, ::SSL_get_ex_data_X509_STORE_CTX_idx()));
  if (const std::optional<ClientFault> fault = fault_of_client(store))
    return reject(store, fault->error, OwnError::kClientInvalid, fault->reason);
  // Under TLS 1.3 the client has proven nothing yet, and has a better alert coming after its Finished.
  if (::SSL_version(ssl) != TLS1_3_VERSION) {
    const ClientJudgement judgement = judge_identity(::X509_STORE_CTX_get0_cert(store), policy_of(ssl));
    if (judgement.verdict != ClientVerdict::kAllowed) {
      return reject(store, X509_V_ERR_APPLICATION_VERIFICATION, OwnError::kClientNotAllowed, judgement.reason);
    }
  }
  SSL_SESSION* const session = ::SSL_get_session(ssl);
  const auto life = std::min<long>(life_of(store, trust).count(), ::SSL_SESSION_get_timeout(session));
  // Not 0: in a ticket OpenSSL takes that for no limit given, and a TLS 1.2 handshake fails over it (internal_error).
  ::SSL_SESSION_set_timeout(session, std::max(life, 1L));
  return 1;
}

// SSL_CTX_set_cert_verify_callback(3).
int verify(X509_STORE_CTX* store, void* trust) noexcept {
  const int result = or_fail(-1, [&] { return judge_chain(store, *static_cast<const ClientTrust*>(trust)); });
  if (result >= 0) return result;
  ::X509_STORE_CTX_set_error(store, X509_V_ERR_OUT_OF_MEM);
  return 0;  // OpenSSL would take less for a request to be called again
}

bool has_ended(const X509* certificate) { return ::X509_cmp_current_time(::X509_get0_notAfter(certificate)) <= 0; }

// SSL_CTX_set_session_ticket_cb(3). A session lives by the second, and may outlive its client's certificate by one: the
// client that has to shake hands in full is told the reason.
SSL_TICKET_RETURN decide_on_ticket(SSL* /*ssl*/, SSL_SESSION* session, const unsigned char* /*name*/,
                                   std::size_t /*size*/, SSL_TICKET_STATUS status, void* /*argument*/) noexcept {
  if (status != SSL_TICKET_SUCCESS && status != SSL_TICKET_SUCCESS_RENEW) return SSL_TICKET_RETURN_IGNORE_RENEW;
  const X509* const certificate = ::SSL_SESSION_get0_peer(session);
  if (certificate != nullptr && has_ended(certificate)) return SSL_TICKET_RETURN_IGNORE_RENEW;
  return status == SSL_TICKET_SUCCESS ? SSL_TICKET_RETURN_USE : SSL_TICKET_RETURN_USE_RENEW;
}

// Of a client whose certificate was good when it was verified.
int alert_for(ClientVerdict verdict) {
  switch (verdict) {
    case ClientVerdict::kMissing: return TLS13_AD_CERTIFICATE_REQUIRED;
    case ClientVerdict::kInvalid: return SSL_AD_CERTIFICATE_EXPIRED;
    default: return SSL_AD_ACCESS_DENIED;
  }
}

// SSL_CTX_add_custom_ext(3), for the message with a new ticket.
int add_alert(SSL* ssl, unsigned /*type*/, unsigned /*context*/, const unsigned char** /*out*/, std::size_t* /*size*/,
              X509* /*certificate*/, std::size_t /*chain_index*/, int* alert, void* /*argument*/) noexcept {
  const auto* const verdict = static_cast<const ClientVerdict*>(::SSL_get_ex_data(ssl, denied_index()));
  if (verdict == nullptr) return 0;  // nothing to add
  *alert = alert_for(*verdict);
  return -1;
}

}  // namespace

void install_client_gate(SSL_CTX* context, const ClientTrust& trust) {
  denied_index();  // it may fail here, but not in a callback
  trust.install(context);
  // OpenSSL's interface knows no const; verify() gives it back.
  void* const argument = const_cast<ClientTrust*>(&trust);  // NOLINT(cppcoreguidelines-pro-type-const-cast)
  ::SSL_CTX_set_cert_verify_callback(context, verify, argument);
  if (::SSL_CTX_add_custom_ext(context, kAlertExtension, SSL_EXT_TLS1_3_NEW_SESSION_TICKET, add_alert, nullptr, nullptr,
                               nullptr, nullptr) != 1) {
    unusable("cannot set up the alert for clients that are not allowed", take_openssl_error());
  }
  if (::SSL_CTX_set_session_ticket_cb(context, nullptr, decide_on_ticket, nullptr) != 1) {
    unusable("cannot set up the sessions of clients", take_openssl_error());
  }
}

void ask_client(SSL* ssl) {
  switch (policy_of(ssl).client_auth) {
    case ClientAuth::kNone: return;
    case ClientAuth::kOptional: ::SSL_set_verify(ssl, SSL_VERIFY_PEER, nullptr); return;
    case ClientAuth::kRequire: break;
  }
  ::SSL_set_verify(ssl, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, nullptr);
}

ClientJudgement judge_client(SSL* ssl) {
  const TlsPolicy& policy = policy_of(ssl);
  if (policy.client_auth == ClientAuth::kNone) return {ClientVerdict::kAllowed, {}};
  const X509* const certificate = ::SSL_get0_peer_certificate(ssl);
  if (certificate == nullptr) {
    if (policy.client_auth == ClientAuth::kOptional) return {ClientVerdict::kAllowed, {}};
    return {ClientVerdict::kMissing, "the session has no client certificate"};
  }
  const long result = ::SSL_get_verify_result(ssl);
  if (result != X509_V_OK)
    return {ClientVerdict::kInvalid, about_client(certificate, ::X509_verify_cert_error_string(result))};
  // That of a resumed session was verified when the session began.
  const bool has_begun = ::X509_cmp_current_time(::X509_get0_notBefore(certificate)) < 0;
  if (!has_begun || has_ended(certificate))
    return {ClientVerdict::kInvalid, about_client(certificate, "not valid at this time")};
  return judge_identity(certificate, policy);
}

// OpenSSL has no function that sends an alert. But a callback that fails while it makes a message may choose one, and
// the message with a ticket is the one that a server may send after the handshake.
void deny_access(SSL* ssl, ClientVerdict verdict) {
  forget_openssl_errors();
  if (::SSL_set_ex_data(ssl, denied_index(), &verdict) != 1) return;
  if (::SSL_new_session_ticket(ssl) == 1) ::SSL_do_handshake(ssl);
  ::SSL_set_ex_data(ssl, denied_index(), nullptr);
  forget_openssl_errors();
}

std::time_t session_end(SSL* ssl) {
  const SSL_SESSION* const session = ::SSL_get_session(ssl);
  if (session == nullptr || ::SSL_get0_peer_certificate(ssl) == nullptr) return 0;
#if OPENSSL_VERSION_NUMBER >= 0x30400000L
  const std::time_t begun = ::SSL_SESSION_get_time_ex(session);
#else
  const std::time_t begun = ::SSL_SESSION_get_time(session);
#endif
  return begun + ::SSL_SESSION_get_timeout(session);
}

bool limit_session(SSL* ssl, std::time_t end) {
  if (end == 0) return true;
  const std::time_t left = end - std::time(nullptr);
  return left > 0 && ::SSL_SESSION_set_timeout(::SSL_get_session(ssl), left) == 1;
}

}  // namespace sidelock
