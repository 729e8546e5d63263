// See traffic_secret.h.
#include "tls/traffic_secret.h"

#include <algorithm>
#include <stdexcept>
#include <string>

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/params.h>

#include "tls/handles.h"

namespace sidelock {

namespace {

MacContextPtr make_hmac(const char* hash) {
  const MacPtr hmac{::EVP_MAC_fetch(nullptr, "HMAC", nullptr)};
  MacContextPtr made{hmac ? ::EVP_MAC_CTX_new(hmac.get()) : nullptr};
  std::string name = hash;
  const std::array<OSSL_PARAM, 2> parameters{::OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, name.data(), 0),
                                             ::OSSL_PARAM_construct_end()};
  if (!made || ::EVP_MAC_CTX_set_params(made.get(), parameters.data()) != 1) throw std::runtime_error{"no HMAC"};
  return made;
}

// One for each thread and hash: to make one costs more than to use it.
EVP_MAC_CTX* hmac_of(std::size_t secret_size) {
  if (secret_size == TrafficSecret::kSha256) {
    thread_local const MacContextPtr sha256 = make_hmac("SHA256");
    return sha256.get();
  }
  thread_local const MacContextPtr sha384 = make_hmac("SHA384");
  return sha384.get();
}

thread_local EVP_MAC_CTX* last_used = nullptr;

}  // namespace

TrafficSecret::TrafficSecret(std::span<const unsigned char> bytes) noexcept {
  if (bytes.size() != kSha256 && bytes.size() != kSha384) return;
  std::ranges::copy(bytes, bytes_.begin());
  size_ = static_cast<std::uint8_t>(bytes.size());
}

TrafficSecret::~TrafficSecret() { ::OPENSSL_cleanse(bytes_.data(), bytes_.size()); }

// RFC 8446, 7.1, and RFC 5869, 2.3: for no more bytes than the hash has, one HMAC over the label and the number 1.
void TrafficSecret::expand(std::string_view label, std::span<unsigned char> into) const {
  constexpr std::string_view kPrefix = "tls13 ";
  std::array<unsigned char, 40> info{};
  auto* const end = [&] {
    auto* next = info.data();
    *next++ = 0;  // the length's upper half
    *next++ = static_cast<unsigned char>(into.size());
    *next++ = static_cast<unsigned char>(kPrefix.size() + label.size());
    next = std::ranges::copy(kPrefix, next).out;
    next = std::ranges::copy(label, next).out;
    *next++ = 0;  // no context
    *next++ = 1;  // the first block, and the only one
    return next;
  }();
  EVP_MAC_CTX* const hmac = last_used = hmac_of(size_);
  std::array<unsigned char, kSha384> block{};
  std::size_t block_size = 0;
  const bool is_done = into.size() <= size_ && ::EVP_MAC_init(hmac, bytes_.data(), size_, nullptr) == 1 &&
                       ::EVP_MAC_update(hmac, info.data(), static_cast<std::size_t>(end - info.data())) == 1 &&
                       ::EVP_MAC_final(hmac, block.data(), &block_size, block.size()) == 1 && block_size == size_;
  if (is_done) std::copy_n(block.begin(), into.size(), into.begin());
  ::OPENSSL_cleanse(block.data(), block.size());
  if (!is_done) throw std::runtime_error{"OpenSSL cannot derive a key"};
}

void TrafficSecret::forget_last() noexcept {
  constexpr unsigned char kNothing = 0;
  if (last_used != nullptr) ::EVP_MAC_init(last_used, &kNothing, sizeof kNothing, nullptr);
}

void TrafficSecret::advance() {
  std::array<unsigned char, kSha384> next{};
  expand("traffic upd", std::span{next}.first(size_));
  bytes_ = next;
  ::OPENSSL_cleanse(next.data(), next.size());
}

}  // namespace sidelock
