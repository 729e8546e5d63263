// The last warnings and errors, kept in memory for people who look at the status page.
#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <string>
#include <string_view>
#include <vector>

#include "base/log.h"

namespace sidelock::log {

struct RecentMessage {
  std::string kind;  // what repeats itself is one entry; see base/repetition.h
  Level level = Level::kWarning;
  std::string text;                            // of the latest one
  std::chrono::system_clock::time_point time;  // of the latest one
  std::uint64_t count = 1;
};

// A bounded list, the latest kind last. Not for several threads at once.
class RecentMessages {
 public:
  static constexpr std::size_t kMost = 20;
  static constexpr std::size_t kMostBytes = 1000;  // of a text; what exceeds them is cut

  void note(std::string kind, Level level, std::string_view text, std::chrono::system_clock::time_point time);
  [[nodiscard]] const std::deque<RecentMessage>& all() const noexcept { return messages_; }

 private:
  std::deque<RecentMessage> messages_;
};

// What write() was given since start(), of kWarning and above, the latest first. Any thread.
std::vector<RecentMessage> recent();

}  // namespace sidelock::log
