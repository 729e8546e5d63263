// A libssl client whose bytes on the wire the test carries itself, and whose secrets the test knows: it can go on in
// the client's name with a Sealer of its own.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "unit/tls/sealer.h"
#include "unit/tls/test_certificates.h"

namespace sidelock {

using SessionPtr = std::unique_ptr<SSL_SESSION, Freed<SSL_SESSION_free>>;

class TlsClient {
 public:
  struct Terms {
    int version = TLS1_3_VERSION;
    const char* suites = nullptr;  // of TLS 1.3; OpenSSL's with nullptr
    const char* server_name = nullptr;
    std::string protocols;             // as in SSL_set_alpn_protos(3)
    const TestPair* pair = nullptr;    // its certificate, if it has one
    SSL_SESSION* session = nullptr;    // to resume
    std::uint8_t fragment_length = 0;  // RFC 6066, 4: TLSEXT_max_fragment_length_*
  };
  explicit TlsClient(const Terms& terms);
  TlsClient(const TlsClient&) = delete;
  TlsClient& operator=(const TlsClient&) = delete;

  [[nodiscard]] SSL* ssl() const noexcept { return ssl_.get(); }

  bool shake();  // goes on with the handshake; true when it has ended well
  void write(std::string_view bytes);
  std::string read();            // what has come for the user, all of it
  void update_key(int request);  // SSL_KEY_UPDATE_*
  [[nodiscard]] bool has_end() const { return (::SSL_get_shutdown(ssl_.get()) & SSL_RECEIVED_SHUTDOWN) != 0; }

  std::string take();                 // its bytes for the wire
  void give(std::string_view bytes);  // those that came
  std::string read_error;             // why the last read() ended, when not for want of bytes
  std::optional<int> alert;           // the fatal one that came, SSL_AD_*
  int tickets = 0;                    // that came
  int key_updates = 0;                // that came
  std::string client_secret;
  std::string server_secret;

  // What a client sends next, if it has sent nothing since its Finished.
  [[nodiscard]] Sealer sealer() const { return Sealer{suite(), client_secret}; }
  [[nodiscard]] std::uint16_t suite() const {
    return ::SSL_CIPHER_get_protocol_id(::SSL_get_current_cipher(ssl_.get()));
  }

 private:
  static TlsClient& of(const SSL* ssl) { return *static_cast<TlsClient*>(SSL_get_app_data(ssl)); }
  static void on_secret(const SSL* ssl, const char* line);
  static void on_event(const SSL* ssl, int where, int value);
  static void on_message(int is_write, int version, int type, const void* bytes, std::size_t size, SSL* ssl,
                         void* self);

  SslContextPtr context_;
  SslPtr ssl_;
  BIO* from_server_ = nullptr;  // the SSL owns both
  BIO* to_server_ = nullptr;
};

}  // namespace sidelock
