// See client_hello.h.
#include "tls/client_hello.h"

#include <array>

namespace sidelock {

namespace {

constexpr std::byte kHandshakeRecord{22};
constexpr std::byte kClientHello{1};
constexpr std::size_t kRecordHeader = 5;
constexpr std::size_t kMessageHeader = 4;

std::size_t number(std::span<const std::byte> bytes) {
  std::size_t value = 0;
  for (const std::byte byte : bytes) value = (value << 8U) | std::to_integer<std::size_t>(byte);
  return value;
}

}  // namespace

HelloState inspect_client_hello(std::span<const std::byte> bytes) {
  if (bytes.empty()) return HelloState::kIncomplete;
  if (bytes.front() != kHandshakeRecord) return HelloState::kPlaintext;

  // The message may be spread over several records: its header is collected, its length then counted.
  std::array<std::byte, kMessageHeader> header{};
  std::size_t collected = 0;
  std::size_t payload = 0;
  std::span<const std::byte> rest = bytes;
  while (rest.size() >= kRecordHeader) {
    const std::size_t length = number(rest.subspan(3, 2));
    if (rest.front() != kHandshakeRecord || length == 0) return HelloState::kWhole;
    const std::span<const std::byte> body = rest.subspan(kRecordHeader, std::min(length, rest.size() - kRecordHeader));
    for (std::size_t i = 0; i < body.size() && collected < kMessageHeader; ++i) header[collected++] = body[i];
    payload += body.size();
    if (collected > 0 && header.front() != kClientHello) return HelloState::kWhole;
    if (collected == kMessageHeader) {
      const std::size_t whole = kMessageHeader + number(std::span{header}.subspan(1));
      if (whole > kLongestClientHello) return HelloState::kTooLong;
      if (payload >= whole) return HelloState::kWhole;
    }
    if (body.size() < length) break;
    rest = rest.subspan(kRecordHeader + length);
  }
  return bytes.size() >= kLongestClientHello ? HelloState::kTooLong : HelloState::kIncomplete;
}

}  // namespace sidelock
