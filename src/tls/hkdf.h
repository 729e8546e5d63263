// HKDF (RFC 5869) over the two hashes of TLS 1.3, and what TLS 1.3 asks of it (RFC 8446, 7.1). The hashes are
// OpenSSL's, looked up once: its own HKDF looks three algorithms up by name for each derivation. No secret stays behind
// in memory but in `into`. Any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

namespace sidelock {

enum class Hash : std::uint8_t { kSha256 = 32, kSha384 = 48 };

constexpr std::size_t size_of(Hash hash) noexcept { return static_cast<std::size_t>(hash); }
inline constexpr std::size_t kLongestHash = size_of(Hash::kSha384);

using Bytes = std::span<const unsigned char>;

// Looks the hashes up, which cannot be repeated: to be called first, and before memory may run out. False without them.
bool is_hkdf_ready() noexcept;

// All return whether it was done: not without memory, nor with a key longer than the hash's block.

// HKDF-Extract: size_of(hash) bytes. An empty salt is one of zeros.
bool hkdf_extract(Hash hash, Bytes salt, Bytes material, std::span<unsigned char> into) noexcept;

struct Label {
  std::string_view prefix = "tls13 ";
  std::string_view text;
  Bytes context;
};

// HKDF-Expand-Label: as many bytes as `into` has, at most 255 times the hash's size. Prefix and text together have at
// most 255 bytes, as has the context.
bool hkdf_expand_label(Hash hash, Bytes secret, const Label& label, std::span<unsigned char> into) noexcept;

// The salt of the next HKDF-Extract in TLS 1.3's key schedule: Derive-Secret(secret, label, no messages).
bool hkdf_derive_salt(Hash hash, Bytes secret, const Label& label, std::span<unsigned char> into) noexcept;

}  // namespace sidelock
