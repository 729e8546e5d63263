// Clients decided by arbitrary bytes: records of all kinds, most of them well sealed, in pieces of all sizes, among
// bytes that are none. And what sidelock has to make of each: a model of RFC 8446, 5 and 4.6.3, that knows the records
// instead of opening them.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "unit/tls/sealer.h"

namespace sidelock {

// Takes choices from the bytes; zeros once they are used up.
class Choices {
 public:
  explicit Choices(std::span<const std::uint8_t> bytes) noexcept : bytes_{bytes} {}
  [[nodiscard]] bool empty() const noexcept { return bytes_.empty(); }
  std::uint8_t byte() noexcept {
    if (bytes_.empty()) return 0;
    const std::uint8_t first = bytes_.front();
    bytes_ = bytes_.subspan(1);
    return first;
  }
  std::size_t below(std::size_t limit) noexcept {
    const std::size_t high = limit > 256 ? byte() : 0U;
    return (high << 8U | byte()) % limit;
  }

 private:
  std::span<const std::uint8_t> bytes_;
};

struct Script {
  struct Record {
    std::size_t offset;  // in the wire
    std::string bytes;
    std::string inner;
    int key;  // KeyUpdates before it
    std::uint64_t sequence;
  };
  std::string wire;
  std::vector<Record> records;
  std::vector<std::size_t> cuts;  // ends of the pieces, in order; the last is the wire's
  bool has_end = false;           // the client ends its stream behind
};
Script make_script(Choices& choices, Sealer sealer);

struct Verdict {
  enum class End { kOpen, kClean, kBare, kTruncated, kRefused, kTold, kFlood };
  std::string heard;                 // for the app
  std::vector<std::string> answers;  // the inner texts of the server's records
  End end = End::kOpen;
};
Verdict judge(const Script& script, bool may_update_keys);

}  // namespace sidelock
