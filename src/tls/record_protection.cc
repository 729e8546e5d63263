// See record_protection.h.
#include "tls/record_protection.h"

#include <algorithm>
#include <new>
#include <stdexcept>

namespace sidelock {

namespace {

const unsigned char* bytes_of(std::span<const std::byte> span) noexcept {
  return reinterpret_cast<const unsigned char*>(span.data());
}
unsigned char* bytes_of(std::span<std::byte> span) noexcept { return reinterpret_cast<unsigned char*>(span.data()); }

const EVP_CIPHER* fetch(const char* name) { return ::EVP_CIPHER_fetch(nullptr, name, nullptr); }

}  // namespace

std::optional<Suite> suite_of(std::uint16_t number) {
  constexpr std::size_t kKey128 = 16;
  constexpr std::size_t kKey256 = 32;
  // Fetched once and never freed: to look an algorithm up costs more than a small record.
  static const Suite kAes128{fetch("AES-128-GCM"), kKey128, size_of(Hash::kSha256)};
  static const Suite kAes256{fetch("AES-256-GCM"), kKey256, size_of(Hash::kSha384)};
  static const Suite kChaCha20{fetch("ChaCha20-Poly1305"), kKey256, size_of(Hash::kSha256)};
  // RFC 8446, B.4.
  const Suite* const suite = number == 0x1301   ? &kAes128
                             : number == 0x1302 ? &kAes256
                             : number == 0x1303 ? &kChaCha20
                                                : nullptr;
  if (suite == nullptr || suite->cipher == nullptr) return std::nullopt;
  return *suite;
}

RecordProtection::RecordProtection(Direction direction, const Suite& suite, const TrafficSecret& secret,
                                   std::uint64_t sequence)
    : suite_{suite},
      context_{::EVP_CIPHER_CTX_new()},
      sequence_{sequence},
      secret_{secret},
      is_sealing_{direction == Direction::kSeal} {
  if (!context_) throw std::bad_alloc{};
  set_key();
}

RecordProtection::~RecordProtection() { ::OPENSSL_cleanse(iv_.data(), iv_.size()); }

// RFC 8446, 7.3.
void RecordProtection::set_key() {
  constexpr std::size_t kLongestKey = 32;
  std::array<unsigned char, kLongestKey> key{};
  secret_.expand("key", std::span{key}.first(suite_.key_size));
  secret_.expand("iv", iv_);
  const bool is_set =
      ::EVP_CipherInit_ex(context_.get(), suite_.cipher, nullptr, key.data(), nullptr, is_sealing_ ? 1 : 0) == 1;
  ::OPENSSL_cleanse(key.data(), key.size());
  if (!is_set) throw std::runtime_error{"OpenSSL cannot use a key"};
}

void RecordProtection::update_key() {
  secret_.advance();
  set_key();
  sequence_ = 0;
}

// RFC 8446, 5.3: the nonce is the iv with the sequence number on its last eight bytes; 5.2: the header is
// authenticated.
bool RecordProtection::begin(std::span<const std::byte> header) noexcept {
  std::array<unsigned char, kNonce> nonce = iv_;
  std::uint64_t number = sequence_++;
  for (std::size_t i = nonce.size(); number != 0; number >>= 8U) nonce[--i] ^= static_cast<unsigned char>(number);
  const bool is_ready = ::EVP_CipherInit_ex(context_.get(), nullptr, nullptr, nullptr, nonce.data(), -1) == 1;
  ::OPENSSL_cleanse(nonce.data(), nonce.size());
  int done = 0;
  return is_ready &&
         ::EVP_CipherUpdate(context_.get(), nullptr, &done, bytes_of(header), static_cast<int>(header.size())) == 1;
}

bool RecordProtection::seal(ContentType type, std::span<const std::byte> plain, std::span<std::byte> record) noexcept {
  const std::size_t sealed = plain.size() + 1 + kTag;
  record[0] = std::byte{static_cast<std::uint8_t>(ContentType::kApplicationData)};
  record[1] = record[2] = std::byte{3};  // TLS 1.2, as every record of TLS 1.3 says
  record[3] = static_cast<std::byte>(sealed >> 8U);
  record[4] = static_cast<std::byte>(sealed);
  const auto inner_type = static_cast<unsigned char>(type);
  unsigned char* const body = bytes_of(record.subspan(kHeader));
  EVP_CIPHER_CTX* const context = context_.get();
  int done = 0;
  return begin(record.first(kHeader)) &&
         ::EVP_CipherUpdate(context, body, &done, bytes_of(plain), static_cast<int>(plain.size())) == 1 &&
         ::EVP_CipherUpdate(context, body + plain.size(), &done, &inner_type, 1) == 1 &&
         ::EVP_CipherFinal_ex(context, body + plain.size() + 1, &done) == 1 &&
         ::EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_GET_TAG, kTag, body + plain.size() + 1) == 1;
}

RecordProtection::Opening RecordProtection::open(std::span<const std::byte> record,
                                                 std::span<std::byte> plain) noexcept {
  if (record.size() <= kHeader + kTag) return {Fault::kForged, {}, 0};  // no room for a type
  const std::span<const std::byte> body = record.subspan(kHeader);
  const std::span<const std::byte> text = body.first(body.size() - kTag);
  std::array<unsigned char, kTag> tag{};  // OpenSSL's interface knows no const
  std::copy_n(bytes_of(body.last(kTag)), kTag, tag.begin());
  EVP_CIPHER_CTX* const context = context_.get();
  int done = 0;
  const bool is_authentic =
      begin(record.first(kHeader)) &&
      ::EVP_CipherUpdate(context, bytes_of(plain), &done, bytes_of(text), static_cast<int>(text.size())) == 1 &&
      ::EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_SET_TAG, kTag, tag.data()) == 1 &&
      ::EVP_CipherFinal_ex(context, bytes_of(plain) + text.size(), &done) == 1;
  if (!is_authentic) return {Fault::kForged, {}, 0};
  // RFC 8446, 5.4: the content, its type, and zeros.
  std::size_t size = text.size();
  if (size > kMostPlain + 1) return {Fault::kTooLong, {}, 0};
  while (size > 0 && plain[size - 1] == std::byte{0}) --size;
  if (size == 0) return {Fault::kNoType, {}, 0};
  --size;
  return {Fault::kNone, static_cast<ContentType>(plain[size]), size};
}

}  // namespace sidelock
