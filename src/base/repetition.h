// Keeps a log readable when one thing happens over and over: the first of a kind are written, the rest are counted, and
// the count is told. Nothing is forgotten.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace sidelock {

// What a message is a case of: its text with every run of digits as one #, so that addresses and counts do not matter.
std::string kind_of(std::string_view message);

// Not for several threads at once.
class RepetitionLimit {
 public:
  using Time = std::chrono::steady_clock::time_point;
  static constexpr std::chrono::seconds kWindow{10};
  // More kinds than these within a window are one kind, so that memory stays bounded.
  static constexpr std::size_t kMostKinds = 128;

  struct Withheld {
    std::string kind;
    std::uint64_t count = 0;
  };

  // Whether one more of a kind is to be written; `first` of them are in each window. Else it is counted.
  bool admit(const std::string& kind, std::uint64_t first, Time now);

  // When something withheld is to be told; nothing while there is nothing to tell.
  [[nodiscard]] std::optional<Time> next_due() const;

  // What was withheld in windows that are over by then, each once. Time::max(): all there is.
  std::vector<Withheld> take(Time by);

 private:
  struct Kind {
    Time ends_at;
    std::uint64_t seen = 0;
    std::uint64_t withheld = 0;
  };
  std::map<std::string, Kind, std::less<>> kinds_;
};

// "1,240 more like this within 10 s: KIND"
std::string in_words(const RepetitionLimit::Withheld& withheld);

}  // namespace sidelock
