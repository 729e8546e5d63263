// See context.h.
#include "tls/context.h"

#include <array>
#include <cstring>
#include <new>

#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/params.h>

#include "base/error.h"
#include "tls/algorithms.h"
#include "tls/alpn.h"
#include "tls/callback.h"
#include "tls/client_gate.h"
#include "tls/connection_policy.h"
#include "tls/digest.h"
#include "tls/error.h"
#include "tls/key_schedule.h"
#include "tls/public_random.h"
#include "tls/security_level.h"
#include "tls/server_names.h"

namespace sidelock {

namespace {

// Mozilla's "intermediate" set, AES-128 first: SHA-384 and longer keys cost more and add nothing a client asked for.
constexpr const char* kTls13Suites = "TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256";
constexpr const char* kTls12Suites =
    "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES256-GCM-SHA384:"
    "ECDHE-RSA-AES256-GCM-SHA384:ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305";
constexpr const char* kGroups = "X25519:P-256:P-384";
constexpr const char* kPostQuantumGroups = "X25519MLKEM768:X25519:P-256:P-384";  // OpenSSL 3.5 and later
constexpr std::size_t kTicketIv = 16;

void require(bool succeeded, const std::string& what) {
  if (!succeeded) throw Failure{ExitCode::kCredentialUnusable, "cannot " + what + ": " + take_openssl_error()};
}

[[noreturn]] void refuse(const char* setting, const std::string& name, const char* kind) {
  ::ERR_clear_error();
  throw Failure{ExitCode::kUsage, std::string{"--"} + setting + ": \"" + name + "\" is not " + kind +
                                      " of this OpenSSL (" + ::OpenSSL_version(OPENSSL_VERSION) + ")"};
}

// One suite by its exact name: OpenSSL would take patterns as well, and skip silently what it does not know.
bool has_tls12_suite(SSL_CTX* context, const std::string& name) {
  if (::SSL_CTX_set_cipher_list(context, name.c_str()) != 1) return false;
  const auto* const suites = ::SSL_CTX_get_ciphers(context);
  for (int i = 0; i < sk_SSL_CIPHER_num(suites); ++i) {
    if (name == ::SSL_CIPHER_get_name(sk_SSL_CIPHER_value(suites, i))) return true;
  }
  return false;
}

void set_cipher_suites(SSL_CTX* context, const std::vector<std::string>& wanted) {
  std::string tls13 = wanted.empty() ? kTls13Suites : "";
  std::string tls12 = wanted.empty() ? kTls12Suites : "";
  const std::string known = std::string{kTls13Suites} + ':';
  for (const std::string& name : wanted) {
    const bool is_tls13 = name.starts_with("TLS_");
    if (is_tls13 ? known.find(name + ':') == std::string::npos : !has_tls12_suite(context, name)) {
      refuse("tls-cipher-suites", name, "a cipher suite");
    }
    std::string& list = is_tls13 ? tls13 : tls12;
    list += (list.empty() ? "" : ":") + name;
  }
  require(::SSL_CTX_set_ciphersuites(context, tls13.c_str()) == 1, "set the TLS 1.3 cipher suites");
  if (tls13.empty()) require(SSL_CTX_set_max_proto_version(context, TLS1_2_VERSION) == 1, "set the TLS version");
  if (tls12.empty()) {
    require(SSL_CTX_set_min_proto_version(context, TLS1_3_VERSION) == 1, "set the TLS version");
  } else {
    require(::SSL_CTX_set_cipher_list(context, tls12.c_str()) == 1, "set the TLS 1.2 cipher suites");
  }
}

// By value: OpenSSL's macro casts the text's const away.
bool try_groups(SSL_CTX* context, std::string groups) { return SSL_CTX_set1_groups_list(context, groups.data()) == 1; }

void set_groups(SSL_CTX* context, const std::vector<std::string>& wanted) {
  std::string groups;
  for (const std::string& name : wanted) {
    if (!try_groups(context, name)) refuse("tls-groups", name, "a key exchange group");
    groups += (groups.empty() ? "" : ":") + name;
  }
  if (groups.empty()) groups = try_groups(context, kPostQuantumGroups) ? kPostQuantumGroups : kGroups;
  ::ERR_clear_error();
  require(try_groups(context, groups), "set the key exchange groups");
}

Digest digest_of(const std::vector<const Credential*>& credentials, const ClientTrust* trust) {
  Sha256 digest;
  for (const Credential* const credential : credentials) digest.add(credential->certificate.get());
  if (trust != nullptr) digest.add({reinterpret_cast<const char*>(trust->digest.data()), trust->digest.size()});
  return digest.finish();
}

Digest digest_of(const TlsPolicy& policy, const Digest& binding) {
  Sha256 digest;
  digest.add({reinterpret_cast<const char*>(binding.data()), binding.size()});
  digest.add(policy.client_auth == ClientAuth::kRequire ? "require" : "optional");
  const AllowList& list = policy.allowed_clients;
  for (const auto* const names :
       {&policy.alpn, &list.dns, &list.uris, &list.common_names, &list.units, &list.spki_pins}) {
    digest.add(std::to_string(names->size()));
    for (const std::string& name : *names) digest.add(name);
  }
  return digest.finish();
}

}  // namespace

struct TlsContext::Callbacks {
  std::shared_ptr<TicketKeys> tickets;
  std::shared_ptr<const ClientTrust> client_trust;
  Digest binding{};                           // of the credential and the client authorities
  std::unique_ptr<ServerNames> server_names;  // in the default context alone

  static int index() {
    static const int index =
        made_index(::CRYPTO_get_ex_new_index(CRYPTO_EX_INDEX_SSL_CTX, 0, nullptr, nullptr, nullptr, free_callbacks));
    return index;
  }
  static void free_callbacks(void* /*parent*/, void* callbacks, CRYPTO_EX_DATA* /*data*/, int /*index*/, long /*argl*/,
                             void* /*argp*/) {
    const std::unique_ptr<Callbacks> freed{static_cast<Callbacks*>(callbacks)};
  }
  static Callbacks& of(SSL* ssl) {
    return *static_cast<Callbacks*>(::SSL_CTX_get_ex_data(::SSL_get_SSL_CTX(ssl), index()));
  }

  // Once the credential is chosen: a session serves only connections with the same credential and, where clients are
  // asked for certificates, the same authorities, revocation lists and policy.
  static void bind_session(SSL* ssl) {
    const TlsPolicy& policy = policy_of(ssl);
    if (policy.client_auth == ClientAuth::kNone) return;  // the context's own is enough
    const Digest digest = digest_of(policy, of(ssl).binding);
    ::SSL_set_session_id_context(ssl, digest.data(), digest.size());
  }

  // SSL_CTX_set_client_hello_cb(3), where there is something to choose or to refuse.
  static int choose_credential(SSL* ssl, int* alert, void* /*unused*/) noexcept {
    *alert = SSL_AD_INTERNAL_ERROR;
    return or_fail(SSL_CLIENT_HELLO_ERROR, [&] {
      if (!of(ssl).server_names->choose(ssl)) {
        *alert = SSL_AD_UNRECOGNIZED_NAME;
        return SSL_CLIENT_HELLO_ERROR;
      }
      bind_session(ssl);
      return SSL_CLIENT_HELLO_SUCCESS;
    });
  }

  static int select_alpn(SSL* ssl, const unsigned char** chosen, unsigned char* chosen_size, const unsigned char* offer,
                         unsigned int offer_size, void* /*unused*/) noexcept {
    return or_fail(SSL_TLSEXT_ERR_ALERT_FATAL, [&] {
      const TlsPolicy& policy = policy_of(ssl);
      const auto choice =
          choose_alpn(policy.alpn_mode, policy.alpn, {reinterpret_cast<const char*>(offer), offer_size});
      if (choice.answer == AlpnAnswer::kNone) return SSL_TLSEXT_ERR_NOACK;
      if (choice.answer == AlpnAnswer::kRefuse) return SSL_TLSEXT_ERR_ALERT_FATAL;
      *chosen = reinterpret_cast<const unsigned char*>(choice.protocol.data());
      *chosen_size = static_cast<unsigned char>(choice.protocol.size());
      return SSL_TLSEXT_ERR_OK;
    });
  }

  // SSL_CTX_set_generate_session_id(3). There is no session cache to find anything by it: it names a ticket.
  static int session_id(SSL* /*ssl*/, unsigned char* id, unsigned int* size) noexcept {
    return fill_with_public_random({id, *size}) ? 1 : 0;
  }

  // Fetched once: looking an algorithm up costs more than a ticket's encryption.
  static const EVP_CIPHER* ticket_cipher() {
    static const EVP_CIPHER* const cipher = made(::EVP_CIPHER_fetch(nullptr, "AES-256-CBC", nullptr));
    return cipher;
  }

  // SSL_CTX_set_tlsext_ticket_key_evp_cb(3): returns 1 for a usable key, 2 to have the ticket renewed, 0 for an unknown
  // key, -1 on errors.
  static int ticket_key(SSL* ssl, unsigned char* name, unsigned char* iv, EVP_CIPHER_CTX* cipher, EVP_MAC_CTX* mac,
                        int is_encrypting) noexcept {
    return or_fail(-1, [&] { return use_ticket_key(ssl, name, iv, cipher, mac, is_encrypting); });
  }
  static int use_ticket_key(SSL* ssl, unsigned char* name, unsigned char* iv, EVP_CIPHER_CTX* cipher, EVP_MAC_CTX* mac,
                            int is_encrypting) {
    TicketKeys& tickets = *of(ssl).tickets;
    const auto now = std::chrono::steady_clock::now();
    TicketKey key{};
    bool is_current = true;
    if (is_encrypting != 0) {
      key = tickets.current(now);
      std::memcpy(name, key.name.data(), key.name.size());
      if (!fill_with_public_random({iv, kTicketIv})) return -1;
    } else {
      const auto found = tickets.find(name, now);
      if (!found) return 0;
      key = found->key;
      is_current = found->is_current;
    }
    std::string digest = "SHA256";
    std::array<OSSL_PARAM, 3> parameters{
        ::OSSL_PARAM_construct_octet_string(OSSL_MAC_PARAM_KEY, key.authentication.data(), key.authentication.size()),
        ::OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest.data(), 0), ::OSSL_PARAM_construct_end()};
    const bool is_ready =
        ::EVP_MAC_CTX_set_params(mac, parameters.data()) == 1 &&
        ::EVP_CipherInit_ex(cipher, ticket_cipher(), nullptr, key.encryption.data(), iv, is_encrypting) == 1;
    ::OPENSSL_cleanse(&key, sizeof key);
    if (!is_ready) return -1;
    // Under TLS 1.3 a client uses a ticket once (RFC 8446, appendix C.4): without a new one its next connection would
    // have to shake hands in full.
    return is_current && ::SSL_version(ssl) != TLS1_3_VERSION ? 1 : 2;
  }
};

namespace {

void use_credential(SSL_CTX* context, const Credential& credential) {
  ::ERR_clear_error();
  require(::SSL_CTX_use_certificate(context, credential.certificate.get()) == 1,
          "use the certificate of " + credential.source);
  require(::SSL_CTX_use_PrivateKey(context, credential.private_key.get()) == 1,
          "use the private key of " + credential.source);
  for (const CertificatePtr& issuer : credential.chain) {
    require(SSL_CTX_add1_chain_cert(context, issuer.get()) == 1, "use the certificate chain of " + credential.source);
  }
}

}  // namespace

SslContextPtr TlsContext::make(const TlsSettings& settings, const std::vector<const Credential*>& credentials,
                               const std::shared_ptr<const ClientTrust>& trust,
                               const std::shared_ptr<TicketKeys>& tickets) {
  ::ERR_clear_error();
  const char* const query = key_schedule_query();
  SslContextPtr made{::SSL_CTX_new_ex(nullptr, query, ::TLS_server_method())};
  SSL_CTX* const context = made.get();
  require(context != nullptr, "make a TLS context");
  auto callbacks = std::make_unique<Callbacks>(Callbacks{tickets, trust, digest_of(credentials, trust.get()), nullptr});
  const Digest binding = callbacks->binding;
  require(::SSL_CTX_set_ex_data(context, Callbacks::index(), callbacks.get()) == 1, "set up TLS callbacks");
  static_cast<void>(callbacks.release());  // the SSL_CTX frees it, by free_callbacks

  ::SSL_CTX_set_security_level(context, kSecurityLevel);
  require(SSL_CTX_set_min_proto_version(context, settings.is_tls12_allowed ? TLS1_2_VERSION : TLS1_3_VERSION) == 1,
          "set the TLS version");
  set_cipher_suites(context, settings.cipher_suites);
  set_groups(context, settings.groups);
  ::SSL_CTX_set_options(context, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION | SSL_OP_CIPHER_SERVER_PREFERENCE |
                                     SSL_OP_PRIORITIZE_CHACHA);
  // Idle connections give their 17 KiB record buffers back; the relay never repeats a write with the same buffer.
  SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
  // What is sent is the chain of the file. OpenSSL would look for issuers in each handshake.
  SSL_CTX_set_mode(context, SSL_MODE_NO_AUTO_CHAIN);

  SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
  require(::SSL_CTX_set_session_id_context(context, binding.data(), binding.size()) == 1, "set the session context");
  require(::SSL_CTX_set_max_early_data(context, 0) == 1, "refuse early data");
  // Under TLS 1.3 TlsStream sends the ticket with the first bytes for the client: none of its own accord.
  require(::SSL_CTX_set_num_tickets(context, 0) == 1, "set the number of session tickets");
  ::SSL_CTX_set_timeout(context, std::chrono::seconds{TicketKeys::kLife}.count());
  require(::SSL_CTX_set_generate_session_id(context, Callbacks::session_id) == 1, "name session tickets");
  ::SSL_CTX_set_tlsext_ticket_key_evp_cb(context, Callbacks::ticket_key);
  ::SSL_CTX_set_alpn_select_cb(context, Callbacks::select_alpn, nullptr);

  if (trust) install_client_gate(context, *trust);
  for (const Credential* const credential : credentials) use_credential(context, *credential);
  make_algorithms_known(query);
  return made;
}

TlsContext::TlsContext(const TlsSettings& settings, const TlsFiles& files, const std::shared_ptr<TicketKeys>& tickets)
    : is_record_layer_native_{settings.is_record_layer_native} {
  CredentialChoice choice = choice_among(files.credentials);
  std::vector<SslContextPtr> others;
  for (const CredentialChoice::Set& set : choice.sets()) {
    std::vector<const Credential*> members;
    for (const std::size_t place : set) members.push_back(files.credentials[place].get());
    (context_ ? others.emplace_back() : context_) = make(settings, members, files.client_trust, tickets);
  }
  auto names = std::make_unique<ServerNames>(std::move(choice), std::move(others), settings.is_sni_strict);
  if (!names->is_needed()) return;
  ::SSL_CTX_set_client_hello_cb(context_.get(), Callbacks::choose_credential, nullptr);
  static_cast<Callbacks*>(::SSL_CTX_get_ex_data(context_.get(), Callbacks::index()))->server_names = std::move(names);
}

SslPtr TlsContext::make_ssl(const TlsPolicy& policy) const {
  SslPtr ssl{::SSL_new(context_.get())};
  if (!ssl) throw std::bad_alloc{};
  set_policy(ssl.get(), policy);
  ask_client(ssl.get());
  Callbacks::bind_session(ssl.get());
  return ssl;
}

}  // namespace sidelock
