// The program's log: lines for people (plain) or machines (JSON) on standard output, written by a thread of its own.
// Callers hand a line to a bounded queue and never wait: when the reader of standard output stalls, lines are dropped
// and counted, and connections go on (docs/decisions/0003-log.md).
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

#include <fmt/format.h>

namespace sidelock::log {

enum class Format { kPlain, kJson };
enum class Level { kDebug, kInfo, kWarning, kError };

// Starts the writer thread. Call once, from the main thread, before other threads are started; lines logged before are
// written synchronously to standard error. Signals are blocked in the writer thread.
void start(Format format, Level level);

// Waits until everything queued is written, at the most `patience`; a stalled reader does not keep the process alive.
void stop(std::chrono::milliseconds patience);

Format format() noexcept;
bool is_enabled(Level level) noexcept;

// Lines dropped so far because the queue was full. Any thread.
std::uint64_t dropped() noexcept;

// Writes one message. Any thread. Text from outside (SNI, subjects) goes through printable() first.
void write(Level level, std::string_view message);

// Writes a line that is complete in itself (an access-log line in the log's format). Any thread.
void write_raw(std::string_view line);

// Text from a peer made safe for a log: control characters, invalid UTF-8, bidirectional controls and the backslash
// become \x.. or \u{....}, and what exceeds 256 bytes is cut and ends in "...".
std::string printable(std::string_view untrusted);

// The present time as RFC 3339 UTC with milliseconds, as both formats show it.
std::string timestamp();

template <class... Args>
void debug(fmt::format_string<Args...> text, Args&&... args) {
  if (is_enabled(Level::kDebug)) write(Level::kDebug, fmt::format(text, std::forward<Args>(args)...));
}
template <class... Args>
void info(fmt::format_string<Args...> text, Args&&... args) {
  if (is_enabled(Level::kInfo)) write(Level::kInfo, fmt::format(text, std::forward<Args>(args)...));
}
template <class... Args>
void warning(fmt::format_string<Args...> text, Args&&... args) {
  if (is_enabled(Level::kWarning)) write(Level::kWarning, fmt::format(text, std::forward<Args>(args)...));
}
template <class... Args>
void error(fmt::format_string<Args...> text, Args&&... args) {
  if (is_enabled(Level::kError)) write(Level::kError, fmt::format(text, std::forward<Args>(args)...));
}

}  // namespace sidelock::log
