// Seals TLS 1.3 records of any kind as a client or a server with that secret would, and does nothing in the way that
// sidelock does: keys come from OpenSSL's own TLS 1.3 KDF (EVP_KDF-TLS13_KDF(7)), and each record has a cipher context
// of its own.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "tls/handles.h"

namespace sidelock {

// The property query for OpenSSL's own algorithms: sidelock has added one.
inline constexpr const char* kOpenssls = "provider=default";

// A secret, and what HKDF-Expand-Label with an empty context makes of it.
std::string expand_label(std::string_view secret, std::string label, std::size_t size);

std::string random_bytes(std::size_t size);
std::string from_hex(const std::string& digits);

class Sealer {
 public:
  // `suite`: as in SSL_CIPHER_get_protocol_id(3).
  Sealer(std::uint16_t suite, std::string secret);

  // The whole inner text as it is, or made of its parts (RFC 8446, 5.2: content, type, zeros).
  std::string seal(std::string_view inner);
  std::string seal(int type, std::string_view content, std::size_t padding = 0);
  // A whole KeyUpdate; what comes behind it has the next key.
  std::string update_key(char request);

  void advance();  // to the next key, without telling

  // RFC 8446, 5.3: the number of the record that is next.
  std::uint64_t sequence = 0;
  // What the header says beside its type; it is authenticated.
  std::string version = "\x03\x03";

 private:
  const EVP_CIPHER* cipher_;
  std::string secret_;
  std::string key_;
  std::string iv_;
  std::size_t key_size_;
};

}  // namespace sidelock
