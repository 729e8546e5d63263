// The program's log: lines for people (plain) or machines (JSON) on standard output, written by a thread of its own.
// Callers hand a line to a bounded queue and never wait: when the reader of standard output stalls, or there is no
// memory for a line, lines are dropped and counted, and connections go on (docs/decisions/0003-log.md).
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

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

// Lines dropped so far because the queue was full, or for lack of memory. Any thread.
std::uint64_t dropped() noexcept;

// Writes one message. Any thread. Text from outside (SNI, subjects) goes through printable() first.
void write(Level level, fmt::string_view text, fmt::format_args args) noexcept;

// Writes a line that is complete in itself (an access-log line in the log's format). Any thread.
void write_raw(std::string_view line) noexcept;

// Text from a peer made safe for a log: control characters, invalid UTF-8, bidirectional controls and the backslash
// become \x.. or \u{....}, and what exceeds 256 bytes is cut and ends in "...".
std::string printable(std::string_view untrusted);

// The present time as RFC 3339 UTC with milliseconds, as both formats show it.
std::string timestamp();

template <class... Args>
void debug(fmt::format_string<Args...> text, const Args&... args) noexcept {
  if (is_enabled(Level::kDebug)) write(Level::kDebug, text, fmt::make_format_args(args...));
}
template <class... Args>
void info(fmt::format_string<Args...> text, const Args&... args) noexcept {
  if (is_enabled(Level::kInfo)) write(Level::kInfo, text, fmt::make_format_args(args...));
}
template <class... Args>
void warning(fmt::format_string<Args...> text, const Args&... args) noexcept {
  if (is_enabled(Level::kWarning)) write(Level::kWarning, text, fmt::make_format_args(args...));
}
template <class... Args>
void error(fmt::format_string<Args...> text, const Args&... args) noexcept {
  if (is_enabled(Level::kError)) write(Level::kError, text, fmt::make_format_args(args...));
}

}  // namespace sidelock::log
