// TLS 1.3's records in one direction: sealed or opened with the suite's AEAD, which is OpenSSL's (RFC 8446, 5.2 and
// 5.3).
#pragma once

#include <cstdint>
#include <optional>

#include "tls/handles.h"
#include "tls/traffic_secret.h"

namespace sidelock {

// RFC 8446, 5.1.
enum class ContentType : std::uint8_t {
  kChangeCipherSpec = 20,
  kAlert = 21,
  kHandshake = 22,
  kApplicationData = 23,
};

// An AEAD as TLS 1.3 uses it, with a tag of 16 bytes and a nonce of 12.
struct Suite {
  const EVP_CIPHER* cipher = nullptr;
  std::size_t key_size = 0;
  std::size_t hash_size = 0;  // of a traffic secret
};

// By its number, SSL_CIPHER_get_protocol_id(3); nothing for suites that are not TLS 1.3's usual three.
std::optional<Suite> suite_of(std::uint16_t number);

class RecordProtection {
 public:
  static constexpr std::size_t kHeader = 5;
  static constexpr std::size_t kMostPlain = std::size_t{1} << 14U;  // RFC 8446, 5.1
  static constexpr std::size_t kMostSealed = kMostPlain + 256;      // 5.2, without the header
  static constexpr std::size_t kTag = 16;
  static constexpr std::size_t kOverhead = kHeader + 1 + kTag;  // of a record without padding

  // With its header, of which all bytes are there.
  static std::size_t record_size(std::span<const std::byte> record) noexcept {
    return kHeader + (std::to_integer<std::size_t>(record[3]) << 8U | std::to_integer<std::size_t>(record[4]));
  }

  enum class Direction : std::uint8_t { kSeal, kOpen };

  // `sequence`: how many records were protected with that secret before. Throws std::runtime_error when OpenSSL fails.
  RecordProtection(Direction direction, const Suite& suite, const TrafficSecret& secret, std::uint64_t sequence);

  ~RecordProtection();
  RecordProtection(const RecordProtection&) = delete;
  RecordProtection& operator=(const RecordProtection&) = delete;

  // Fills `record`, which has kOverhead bytes more than `plain`, is apart from it, and is sent next. `plain` has 1 to
  // kMostPlain bytes. False when OpenSSL fails; nothing may be sent then.
  [[nodiscard]] bool seal(ContentType type, std::span<const std::byte> plain, std::span<std::byte> record) noexcept;

  enum class Fault : std::uint8_t {
    kNone,
    kForged,   // not sealed with this key, or not as the next record
    kNoType,   // nothing but padding
    kTooLong,  // more than a record may hold
  };
  struct Opening {
    Fault fault = Fault::kForged;
    ContentType type{};
    std::size_t size = 0;
  };
  // Opens a whole record into `plain`, which has at least as many bytes and may be left with anything on a fault.
  [[nodiscard]] Opening open(std::span<const std::byte> record, std::span<std::byte> plain) noexcept;

  // After a KeyUpdate, sent or received. Throws std::runtime_error when OpenSSL fails.
  void update_key();

  // Records since the key was made.
  [[nodiscard]] std::uint64_t sequence() const noexcept { return sequence_; }

 private:
  static constexpr std::size_t kNonce = 12;
  void set_key();
  bool begin(std::span<const std::byte> header) noexcept;

  Suite suite_;
  CipherContextPtr context_;
  std::uint64_t sequence_;
  TrafficSecret secret_;
  std::array<unsigned char, kNonce> iv_{};
  bool is_sealing_;
};

}  // namespace sidelock
