// What the load generator and its app say to each other: a request of a stated size asks for an answer of a stated
// size, and every byte of both is known beforehand, so that each end checks what it reads. Shared by one thread.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <vector>

namespace bench {

// Begins a request; all sizes in bytes, headers included.
struct Header {
  std::uint64_t request_size = 0;
  std::uint64_t answer_size = 0;
};

// The endless sequence of bytes that messages are made of. Its period is no power of two, so that a block that went
// missing or came twice shows.
class Pattern {
 public:
  static constexpr std::size_t kPeriod = 65521;
  static constexpr std::size_t kLongest = 256 * 1024;

  Pattern() : bytes_(kPeriod + kLongest) {
    std::uint32_t state = 1;
    for (std::size_t i = 0; i < kPeriod; ++i) {
      state = state * 1664525U + 1013904223U;
      bytes_[i] = static_cast<std::byte>(state >> 24U);
    }
    for (std::size_t i = kPeriod; i < bytes_.size(); ++i) bytes_[i] = bytes_[i - kPeriod];
  }

  // At most kLongest bytes from `offset` on.
  [[nodiscard]] std::span<const std::byte> from(std::uint64_t offset, std::uint64_t size) const {
    return std::span{bytes_}.subspan(offset % kPeriod, std::min<std::uint64_t>(size, kLongest));
  }

  // Whether `bytes` are those of `offset`.
  [[nodiscard]] bool matches(std::uint64_t offset, std::span<const std::byte> bytes) const {
    while (!bytes.empty()) {
      const auto expected = from(offset, bytes.size());
      if (std::memcmp(expected.data(), bytes.data(), expected.size()) != 0) return false;
      offset += expected.size();
      bytes = bytes.subspan(expected.size());
    }
    return true;
  }

 private:
  std::vector<std::byte> bytes_;
};

// A request's bytes from `offset` on: its header, then the pattern. The header goes together with what follows it, as
// real clients write a request; alone it would be a record and a wake-up of its own. Valid until the next call.
inline std::span<const std::byte> request_from(const Header& header, std::uint64_t offset, const Pattern& pattern) {
  if (offset >= sizeof header) return pattern.from(offset, header.request_size - offset);
  static std::array<std::byte, Pattern::kLongest> first;
  const auto follows = pattern.from(sizeof header, header.request_size - sizeof header);
  const std::size_t size = std::min(sizeof header + follows.size(), first.size());
  std::memcpy(first.data(), &header, sizeof header);
  std::memcpy(first.data() + sizeof header, follows.data(), size - sizeof header);
  return std::span{first}.first(size).subspan(offset);
}

}  // namespace bench
