// See tls_client.h.
#include "unit/tls/tls_client.h"

#include <array>

#include <openssl/err.h>

#include "tls/error.h"

namespace sidelock {

TlsClient::TlsClient(const Terms& terms) : context_{::SSL_CTX_new_ex(nullptr, kOpenssls, ::TLS_client_method())} {
  SSL_CTX_set_min_proto_version(context_.get(), terms.version);
  SSL_CTX_set_max_proto_version(context_.get(), terms.version);
  ::SSL_CTX_set_keylog_callback(context_.get(), on_secret);
  ::SSL_CTX_set_info_callback(context_.get(), on_event);
  if (terms.suites != nullptr) ::SSL_CTX_set_ciphersuites(context_.get(), terms.suites);
  if (terms.fragment_length != 0) ::SSL_CTX_set_tlsext_max_fragment_length(context_.get(), terms.fragment_length);
  if (terms.pair != nullptr) {
    ::SSL_CTX_use_certificate(context_.get(), terms.pair->certificate.get());
    ::SSL_CTX_use_PrivateKey(context_.get(), terms.pair->key.get());
  }
  ssl_.reset(::SSL_new(context_.get()));
  SSL_set_app_data(ssl_.get(), this);
  ::SSL_set_msg_callback(ssl_.get(), on_message);
  ::SSL_set_msg_callback_arg(ssl_.get(), this);
  if (terms.server_name != nullptr)
    ::SSL_ctrl(ssl_.get(), SSL_CTRL_SET_TLSEXT_HOSTNAME, TLSEXT_NAMETYPE_host_name,
               const_cast<char*>(terms.server_name));
  ::SSL_set_alpn_protos(ssl_.get(), reinterpret_cast<const unsigned char*>(terms.protocols.data()),
                        static_cast<unsigned>(terms.protocols.size()));
  if (terms.session != nullptr) {
    // A copy: the end of the connection that it came from would make it useless.
    const SessionPtr session{::SSL_SESSION_dup(terms.session)};
    ::SSL_set_session(ssl_.get(), session.get());
  }
  from_server_ = ::BIO_new(::BIO_s_mem());
  to_server_ = ::BIO_new(::BIO_s_mem());
  ::SSL_set_bio(ssl_.get(), from_server_, to_server_);
  ::SSL_set_connect_state(ssl_.get());
}

// SSL_CTX_set_keylog_callback(3).
void TlsClient::on_secret(const SSL* ssl, const char* line) {
  const std::string text{line};
  const std::string secret = text.substr(text.rfind(' ') + 1);
  if (text.starts_with("CLIENT_TRAFFIC_SECRET_0 ")) of(ssl).client_secret = from_hex(secret);
  if (text.starts_with("SERVER_TRAFFIC_SECRET_0 ")) of(ssl).server_secret = from_hex(secret);
}

// SSL_CTX_set_info_callback(3).
void TlsClient::on_event(const SSL* ssl, int where, int value) {
  if ((where & SSL_CB_READ_ALERT) == SSL_CB_READ_ALERT && value >> 8 == SSL3_AL_FATAL) of(ssl).alert = value & 0xff;
}

// SSL_set_msg_callback(3).
void TlsClient::on_message(int is_write, int /*version*/, int type, const void* bytes, std::size_t size, SSL* /*ssl*/,
                           void* self) {
  if (is_write != 0 || type != SSL3_RT_HANDSHAKE || size == 0) return;
  const int message = *static_cast<const unsigned char*>(bytes);
  auto& client = *static_cast<TlsClient*>(self);
  if (message == SSL3_MT_NEWSESSION_TICKET) ++client.tickets;
  if (message == SSL3_MT_KEY_UPDATE) ++client.key_updates;
}

bool TlsClient::shake() {
  ::ERR_clear_error();
  const bool is_done = ::SSL_do_handshake(ssl_.get()) == 1;
  ::ERR_clear_error();
  return is_done;
}

void TlsClient::write(std::string_view bytes) {
  ::ERR_clear_error();
  if (!bytes.empty()) ::SSL_write(ssl_.get(), bytes.data(), static_cast<int>(bytes.size()));
}

std::string TlsClient::read() {
  std::string all;
  std::array<char, 16384> part{};
  for (;;) {
    ::ERR_clear_error();
    const int size = ::SSL_read(ssl_.get(), part.data(), part.size());
    if (size <= 0) {
      read_error = ::SSL_get_error(ssl_.get(), size) == SSL_ERROR_SSL ? take_openssl_error() : "";
      ::ERR_clear_error();
      return all;
    }
    all.append(part.data(), static_cast<std::size_t>(size));
  }
}

void TlsClient::update_key(int request) {
  ::SSL_key_update(ssl_.get(), request);
  shake();
}

std::string TlsClient::take() {
  std::string taken(::BIO_ctrl_pending(to_server_), '\0');
  if (!taken.empty()) ::BIO_read(to_server_, taken.data(), static_cast<int>(taken.size()));
  return taken;
}

void TlsClient::give(std::string_view bytes) {
  if (!bytes.empty()) ::BIO_write(from_server_, bytes.data(), static_cast<int>(bytes.size()));
}

}  // namespace sidelock
