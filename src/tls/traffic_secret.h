// The secret of one direction of a TLS 1.3 connection, and what is made of it (RFC 8446, 7.1 to 7.3).
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "tls/hkdf.h"

namespace sidelock {

// Wiped at its end. One thread.
class TrafficSecret {
 public:
  TrafficSecret() = default;  // none
  // As many bytes as the hash of the connection's suite has. Anything else is none.
  explicit TrafficSecret(std::span<const unsigned char> bytes) noexcept;
  TrafficSecret(const TrafficSecret&) = default;
  TrafficSecret& operator=(const TrafficSecret&) = default;
  ~TrafficSecret();

  [[nodiscard]] std::size_t size() const noexcept { return size_; }  // 0: none

  // HKDF-Expand-Label with an empty context; at most size() bytes. Throws std::runtime_error when OpenSSL fails.
  void expand(std::string_view label, std::span<unsigned char> into) const;
  // Becomes the secret after a KeyUpdate. Throws as expand() does, and is unchanged then.
  void advance();

 private:
  std::array<unsigned char, kLongestHash> bytes_{};
  std::uint8_t size_ = 0;
};

}  // namespace sidelock
