// See traffic_secret.h.
#include "tls/traffic_secret.h"

#include <algorithm>
#include <stdexcept>

#include <openssl/crypto.h>

namespace sidelock {

TrafficSecret::TrafficSecret(std::span<const unsigned char> bytes) noexcept {
  if (bytes.size() != size_of(Hash::kSha256) && bytes.size() != size_of(Hash::kSha384)) return;
  std::ranges::copy(bytes, bytes_.begin());
  size_ = static_cast<std::uint8_t>(bytes.size());
}

TrafficSecret::~TrafficSecret() { ::OPENSSL_cleanse(bytes_.data(), bytes_.size()); }

void TrafficSecret::expand(std::string_view label, std::span<unsigned char> into) const {
  const bool is_done =
      size_ > 0 && into.size() <= size_ &&
      hkdf_expand_label(Hash{size_}, std::span{bytes_}.first(size_), {.text = label, .context = {}}, into);
  if (!is_done) throw std::runtime_error{"OpenSSL cannot derive a key"};
}

void TrafficSecret::advance() {
  std::array<unsigned char, kLongestHash> next{};
  expand("traffic upd", std::span{next}.first(size_));
  bytes_ = next;
  ::OPENSSL_cleanse(next.data(), next.size());
}

}  // namespace sidelock
