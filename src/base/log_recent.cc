// See log_recent.h.
#include "base/log_recent.h"

#include <algorithm>

namespace sidelock::log {

namespace {

// Not within a character of UTF-8.
std::string_view cut(std::string_view text, std::size_t most) {
  if (text.size() <= most) return text;
  while (most > 0 && (static_cast<unsigned char>(text[most]) & 0xc0U) == 0x80) --most;
  return text.substr(0, most);
}

}  // namespace

void RecentMessages::note(std::string kind, Level level, std::string_view text,
                          std::chrono::system_clock::time_point time) {
  kind = cut(kind, kMostBytes);
  std::uint64_t count = 1;
  const auto same = std::ranges::find(messages_, kind, &RecentMessage::kind);
  if (same != messages_.end()) {
    count += same->count;
    messages_.erase(same);
  } else if (messages_.size() >= kMost) {
    messages_.pop_front();
  }
  messages_.push_back({std::move(kind), level, std::string{cut(text, kMostBytes)}, time, count});
}

}  // namespace sidelock::log
