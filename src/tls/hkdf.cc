// See hkdf.h.
#include "tls/hkdf.h"

#include <algorithm>
#include <array>
#include <initializer_list>

#include <openssl/crypto.h>

#include "tls/handles.h"

namespace sidelock {

namespace {

constexpr std::size_t kLongestBlock = 128;

struct Algorithm {
  DigestPtr digest;
  std::size_t block_size;
};

// Looked up once: that costs more than a derivation.
const Algorithm& algorithm_of(Hash hash) noexcept {
  if (hash == Hash::kSha256) {
    static const Algorithm sha256{DigestPtr{::EVP_MD_fetch(nullptr, "SHA256", nullptr)}, 64};
    return sha256;
  }
  static const Algorithm sha384{DigestPtr{::EVP_MD_fetch(nullptr, "SHA384", nullptr)}, kLongestBlock};
  return sha384;
}

// What it has seen is wiped with it.
class Digester {
 public:
  explicit Digester(const Algorithm& algorithm) noexcept
      : digest_{algorithm.digest.get()}, context_{::EVP_MD_CTX_new()} {}

  [[nodiscard]] bool begin() noexcept {
    return digest_ != nullptr && context_ && ::EVP_DigestInit_ex2(context_.get(), digest_, nullptr) == 1;
  }
  [[nodiscard]] bool add(Bytes bytes) noexcept {
    return ::EVP_DigestUpdate(context_.get(), bytes.data(), bytes.size()) == 1;
  }
  [[nodiscard]] bool finish(unsigned char* into) noexcept {
    return ::EVP_DigestFinal_ex(context_.get(), into, nullptr) == 1;
  }

 private:
  const EVP_MD* digest_;
  DigestContextPtr context_;
};

// RFC 2104. The result has the hash's size.
bool hmac(Hash hash, Bytes key, std::initializer_list<Bytes> message, unsigned char* into) noexcept {
  constexpr unsigned char kInner = 0x36;
  constexpr unsigned char kOuter = 0x5c;
  const Algorithm& algorithm = algorithm_of(hash);
  if (key.size() > algorithm.block_size) return false;
  Digester digester{algorithm};
  std::array<unsigned char, kLongestBlock> padded{};
  const auto pad = std::span{padded}.first(algorithm.block_size);
  std::ranges::copy(key, pad.begin());
  for (unsigned char& byte : pad) byte ^= kInner;
  bool is_done = digester.begin() && digester.add(pad);
  for (const Bytes part : message) is_done = is_done && digester.add(part);
  is_done = is_done && digester.finish(into);
  for (unsigned char& byte : pad) byte ^= kInner ^ kOuter;
  is_done =
      is_done && digester.begin() && digester.add(pad) && digester.add({into, size_of(hash)}) && digester.finish(into);
  ::OPENSSL_cleanse(padded.data(), padded.size());
  return is_done;
}

Bytes bytes_of(std::string_view text) noexcept {
  return {reinterpret_cast<const unsigned char*>(text.data()), text.size()};
}

}  // namespace

bool is_hkdf_ready() noexcept { return algorithm_of(Hash::kSha256).digest && algorithm_of(Hash::kSha384).digest; }

bool hkdf_extract(Hash hash, Bytes salt, Bytes material, std::span<unsigned char> into) noexcept {
  return into.size() == size_of(hash) && hmac(hash, salt, {material}, into.data());
}

bool hkdf_expand_label(Hash hash, Bytes secret, const Label& label, std::span<unsigned char> into) noexcept {
  constexpr std::size_t kMost = 255;
  const std::size_t label_size = label.prefix.size() + label.text.size();
  if (label_size > kMost || label.context.size() > kMost || into.size() > kMost * size_of(hash)) return false;
  const std::array header{static_cast<unsigned char>(into.size() >> 8U), static_cast<unsigned char>(into.size()),
                          static_cast<unsigned char>(label_size)};
  const std::array context_size{static_cast<unsigned char>(label.context.size())};
  std::array<unsigned char, kLongestHash> block{};
  bool is_done = true;
  std::array<unsigned char, 1> number{};
  while (is_done && !into.empty()) {
    const Bytes last{block.data(), number[0] == 0 ? 0 : size_of(hash)};
    ++number[0];
    is_done = hmac(hash, secret,
                   {last, header, bytes_of(label.prefix), bytes_of(label.text), context_size, label.context, number},
                   block.data());
    const std::size_t count = std::min(into.size(), size_of(hash));
    std::copy_n(block.begin(), count, into.begin());
    into = into.subspan(count);
  }
  ::OPENSSL_cleanse(block.data(), block.size());
  return is_done;
}

bool hkdf_derive_salt(Hash hash, Bytes secret, const Label& label, std::span<unsigned char> into) noexcept {
  Digester digester{algorithm_of(hash)};
  std::array<unsigned char, kLongestHash> no_messages{};
  if (!digester.begin() || !digester.finish(no_messages.data())) return false;
  return hkdf_expand_label(hash, secret, {label.prefix, label.text, Bytes{no_messages}.first(size_of(hash))}, into);
}

}  // namespace sidelock
