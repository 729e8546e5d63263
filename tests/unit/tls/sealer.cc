// See sealer.h.
#include "unit/tls/sealer.h"

#include <array>
#include <stdexcept>
#include <utility>
#include <vector>

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/kdf.h>
#include <openssl/params.h>
#include <openssl/rand.h>

namespace sidelock {

namespace {

using KdfPtr = std::unique_ptr<EVP_KDF, Freed<EVP_KDF_free>>;
using KdfContextPtr = std::unique_ptr<EVP_KDF_CTX, Freed<EVP_KDF_CTX_free>>;

constexpr std::uint16_t kAes128 = 0x1301;
constexpr std::uint16_t kAes256 = 0x1302;
constexpr std::size_t kTag = 16;
constexpr std::size_t kSha384 = 48;

void require(bool is_done) {
  if (!is_done) throw std::runtime_error{"OpenSSL fails in a test"};
}

unsigned char* bytes_of(std::string& text) { return reinterpret_cast<unsigned char*>(text.data()); }
const unsigned char* bytes_of(std::string_view text) { return reinterpret_cast<const unsigned char*>(text.data()); }

}  // namespace

std::string expand_label(std::string_view secret, std::string label, std::size_t size) {
  static const KdfPtr kdf{::EVP_KDF_fetch(nullptr, "TLS13-KDF", kOpenssls)};
  const KdfContextPtr context{::EVP_KDF_CTX_new(kdf.get())};
  std::string hash = secret.size() == kSha384 ? "SHA384" : "SHA256";
  std::string key{secret};
  std::string prefix = "tls13 ";
  int mode = EVP_KDF_HKDF_MODE_EXPAND_ONLY;
  const std::array<OSSL_PARAM, 6> parameters{
      ::OSSL_PARAM_construct_int(OSSL_KDF_PARAM_MODE, &mode),
      ::OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST, hash.data(), 0),
      ::OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_KEY, key.data(), key.size()),
      ::OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_PREFIX, prefix.data(), prefix.size()),
      ::OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_LABEL, label.data(), label.size()),
      ::OSSL_PARAM_construct_end()};
  std::string made(size, '\0');
  require(::EVP_KDF_derive(context.get(), bytes_of(made), size, parameters.data()) == 1);
  return made;
}

std::string random_bytes(std::size_t size) {
  std::string made(size, '\0');
  ::RAND_bytes(reinterpret_cast<unsigned char*>(made.data()), static_cast<int>(size));
  return made;
}

std::string from_hex(const std::string& digits) {
  long size = 0;
  const OpensslBytesPtr bytes{::OPENSSL_hexstr2buf(digits.c_str(), &size)};
  require(bytes != nullptr);
  return {reinterpret_cast<const char*>(bytes.get()), static_cast<std::size_t>(size)};
}

Sealer::Sealer(std::uint16_t suite, std::string secret)
    : cipher_{suite == kAes128   ? ::EVP_aes_128_gcm()
              : suite == kAes256 ? ::EVP_aes_256_gcm()
                                 : ::EVP_chacha20_poly1305()},
      secret_{std::move(secret)},
      key_size_{static_cast<std::size_t>(::EVP_CIPHER_get_key_length(cipher_))} {
  key_ = expand_label(secret_, "key", key_size_);
  iv_ = expand_label(secret_, "iv", 12);
}

void Sealer::advance() {
  secret_ = expand_label(secret_, "traffic upd", secret_.size());
  key_ = expand_label(secret_, "key", key_size_);
  iv_ = expand_label(secret_, "iv", 12);
  sequence = 0;
}

std::string Sealer::seal(std::string_view inner) {
  std::string nonce = iv_;
  for (std::size_t i = 0; i < 8; ++i) {
    nonce[nonce.size() - 1 - i] = static_cast<char>(nonce[nonce.size() - 1 - i] ^ static_cast<char>(sequence >> 8 * i));
  }
  ++sequence;
  const std::size_t size = inner.size() + kTag;
  std::string record = "\x17" + version + static_cast<char>(size >> 8U) + static_cast<char>(size);
  std::string sealed(size, '\0');
  const CipherContextPtr context{::EVP_CIPHER_CTX_new()};
  int done = 0;
  require(::EVP_EncryptInit_ex(context.get(), cipher_, nullptr, bytes_of(key_), bytes_of(nonce)) == 1);
  require(::EVP_EncryptUpdate(context.get(), nullptr, &done, bytes_of(record), static_cast<int>(record.size())) == 1);
  require(::EVP_EncryptUpdate(context.get(), bytes_of(sealed), &done, bytes_of(inner),
                              static_cast<int>(inner.size())) == 1);
  require(::EVP_EncryptFinal_ex(context.get(), bytes_of(sealed) + inner.size(), &done) == 1);
  require(::EVP_CIPHER_CTX_ctrl(context.get(), EVP_CTRL_AEAD_GET_TAG, kTag, bytes_of(sealed) + inner.size()) == 1);
  return record + sealed;
}

std::string Sealer::seal(int type, std::string_view content, std::size_t padding) {
  std::string inner{content};
  inner += static_cast<char>(type);
  inner.append(padding, '\0');
  return seal(inner);
}

std::string Sealer::update_key(char request) {
  const std::string message{'\x18', '\0', '\0', '\x01', request};
  std::string record = seal(SSL3_RT_HANDSHAKE, message);
  advance();
  return record;
}

}  // namespace sidelock
