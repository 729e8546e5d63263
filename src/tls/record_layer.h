// What a TLS 1.3 connection needs once its handshake is over: records, alerts and new keys (RFC 8446, 4.6.3, 5 and 6),
// without the 14 KiB of an SSL object. The AEAD and the HMAC are OpenSSL's. See docs/decisions/0050-record-layer.md.
#pragma once

#include <string>

#include "tls/inheritance.h"
#include "tls/message_limit.h"
#include "tls/read_result.h"

namespace sidelock {

// One thread. The transport outlives it.
class RecordLayer : public pool::Pooled {
 public:
  // RFC 8446, 5.5: with AES-GCM at most 2^24.5 full records of one key.
  static constexpr std::uint64_t kRecordsOfOneKey = std::uint64_t{1} << 24U;

  // Throws std::bad_alloc and std::runtime_error.
  RecordLayer(Transport& transport, Inheritance inheritance, const MessageLimit& limit,
              std::uint64_t records_of_one_key = kRecordsOfOneKey);

  // Opens what has come into `into`, after receives of at most `window` bytes in all. `into` holds at least window + 20
  // KiB. Answers of ours are gathered. Throws std::runtime_error when OpenSSL cannot make a key.
  ReadResult read(std::span<std::byte> into, std::size_t window);
  // Seals all of `from` and gathers it. False when an alert or close_notify has ended the connection for writing.
  bool write(std::span<const std::byte> from);
  void close_notify();

  // Why a read ended with kRecordError.
  [[nodiscard]] std::string failure() const;

 private:
  static constexpr std::size_t kMessage = 5;  // of a KeyUpdate

  std::optional<std::span<const std::byte>> next_record();
  std::size_t open_records(std::span<std::byte> into);
  std::size_t open_what_came_meanwhile(std::span<std::byte> into, std::size_t window);
  std::size_t accept(ContentType type, std::span<const std::byte> content);
  void accept_alert(std::span<const std::byte> alert);
  void accept_handshake(std::span<const std::byte> fragment);
  void update_keys(std::byte request);
  void fail(int alert, const char* why);
  bool send(ContentType type, std::span<const std::byte> content);
  void send_key_update();
  [[nodiscard]] ReadEnd end_of_input(Io state) const noexcept;

  Transport& transport_;
  RecordProtection reading_;
  RecordProtection writing_;
  MessageLimit limit_;
  std::uint64_t records_of_one_key_;
  std::vector<std::byte> first_records_;  // until something else is sent
  const char* failure_ = "";
  std::optional<int> alert_;                   // that told it: the client's
  std::optional<ReadEnd> end_;                 // of reading, once there is one
  std::array<std::byte, kMessage> message_{};  // of the handshake, that is not whole
  std::uint8_t message_bytes_ = 0;
  std::uint8_t empty_records_ = 0;  // in a row
  std::uint8_t warnings_ = 0;       // in a row
  bool is_write_closed_ = false;
};

}  // namespace sidelock
