// See log.h. spdlog's thread pool is the bounded queue; the sink below is the only code that touches standard output.
#include "base/log.h"

#include <array>
#include <atomic>
#include <csignal>
#include <ctime>
#include <memory>
#include <thread>

#include <spdlog/async.h>
#include <spdlog/pattern_formatter.h>
#include <spdlog/sinks/base_sink.h>
#include <unistd.h>
#include <nlohmann/json.hpp>

#include "base/privileges.h"

namespace sidelock::log {

namespace {

constexpr std::size_t kQueuedLines = 4096;
constexpr std::size_t kUntrustedBytes = 256;

std::atomic<Level> minimum_level{Level::kInfo};
std::atomic<Format> output_format{Format::kPlain};
std::atomic<std::uint64_t> lines_queued{0};
std::atomic<std::uint64_t> lines_written{0};

void write_all(int fd, const char* data, std::size_t size) {
  while (size > 0) {
    const ssize_t written = ::write(fd, data, size);
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) return;  // standard output is gone: there is nobody left to tell
    data += written;
    size -= static_cast<std::size_t>(written);
  }
}

class StandardOutput final : public spdlog::sinks::base_sink<std::mutex> {
 protected:
  void sink_it_(const spdlog::details::log_msg& message) override {
    spdlog::memory_buf_t line;
    formatter_->format(message, line);
    write_all(STDOUT_FILENO, line.data(), line.size());
    lines_written.fetch_add(1, std::memory_order_release);
  }
  void flush_() override {}
};

// Never destroyed: joining a writer that is stuck in write() would keep the process alive.
struct Writer {
  std::shared_ptr<spdlog::details::thread_pool> pool;
  std::shared_ptr<spdlog::async_logger> logger;
};
std::atomic<Writer*> writer{nullptr};

std::string_view name(Level level) {
  constexpr std::array<std::string_view, 4> kNames{"debug", "info", "warning", "error"};
  return kNames[static_cast<std::size_t>(level)];
}

std::string rendered(Level level, std::string_view message) {
  if (format() == Format::kPlain) return fmt::format("{} {:<7} {}", timestamp(), name(level), message);
  nlohmann::ordered_json line;
  line["time"] = timestamp();
  line["level"] = name(level);
  line["message"] = message;
  return line.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
}

// The length of the valid UTF-8 sequence at the front of `text`, and its code point; length 0 when it is not valid.
std::pair<std::size_t, char32_t> first_character(std::string_view text) {
  const auto lead = static_cast<unsigned char>(text.front());
  if (lead < 0x80) return {1, lead};
  const std::size_t length = lead >= 0xf0 && lead < 0xf5   ? 4
                             : lead >= 0xe0 && lead < 0xf0 ? 3
                             : lead >= 0xc2 && lead < 0xe0 ? 2
                                                           : 0;
  if (length == 0 || text.size() < length) return {0, 0};
  char32_t point = lead & (0x7fU >> length);
  for (std::size_t i = 1; i < length; ++i) {
    const auto byte = static_cast<unsigned char>(text[i]);
    if ((byte & 0xc0) != 0x80) return {0, 0};
    point = (point << 6U) | (byte & 0x3fU);
  }
  const bool is_overlong = (length == 3 && point < 0x800) || (length == 4 && point < 0x10000);
  const bool is_surrogate = point >= 0xd800 && point < 0xe000;
  return is_overlong || is_surrogate || point > 0x10ffff ? std::pair<std::size_t, char32_t>{0, 0}
                                                         : std::pair{length, point};
}

// Characters that change how a terminal or viewer lays out the text around them (Unicode TR 9, TR 36).
bool is_layout_control(char32_t point) {
  return (point >= 0x80 && point < 0xa0) || point == 0x61c || point == 0x200e || point == 0x200f ||
         (point >= 0x2028 && point <= 0x202e) || (point >= 0x2066 && point <= 0x2069) || point == 0xfeff;
}

}  // namespace

void start(Format format, Level level) {
  output_format = format;
  minimum_level = level;
  // The writer thread inherits the mask: signals belong to the main thread's signalfd.
  sigset_t all;
  sigset_t before;
  ::sigfillset(&all);
  ::pthread_sigmask(SIG_SETMASK, &all, &before);
  auto started = std::make_unique<Writer>();
  // It only writes, so it needs no privilege, whatever this thread has or will have.
  started->pool = std::make_shared<spdlog::details::thread_pool>(kQueuedLines, 1, [] { drop_privileges(); });
  ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
  auto sink = std::make_shared<StandardOutput>();
  sink->set_pattern("%v");
  started->logger = std::make_shared<spdlog::async_logger>("sidelock", std::move(sink), started->pool,
                                                           spdlog::async_overflow_policy::overrun_oldest);
  writer = started.release();
}

void stop(std::chrono::milliseconds patience) {
  if (writer == nullptr) return;
  const auto deadline = std::chrono::steady_clock::now() + patience;
  while (lines_written.load(std::memory_order_acquire) + dropped() < lines_queued.load()) {
    if (std::chrono::steady_clock::now() >= deadline) return;
    std::this_thread::sleep_for(std::chrono::milliseconds{1});
  }
}

Format format() noexcept { return output_format.load(std::memory_order_relaxed); }

bool is_enabled(Level level) noexcept { return level >= minimum_level.load(std::memory_order_relaxed); }

std::uint64_t dropped() noexcept {
  Writer* const current = writer.load();
  return current == nullptr ? 0 : current->pool->overrun_counter();
}

void write(Level level, std::string_view message) { write_raw(rendered(level, message)); }

void write_raw(std::string_view line) {
  Writer* const current = writer.load();
  if (current == nullptr) {
    const std::string whole = std::string{line} + '\n';
    write_all(STDERR_FILENO, whole.data(), whole.size());
    return;
  }
  lines_queued.fetch_add(1, std::memory_order_relaxed);
  current->logger->log(spdlog::level::critical, spdlog::string_view_t{line.data(), line.size()});
}

std::string printable(std::string_view untrusted) {
  std::string safe;
  while (!untrusted.empty()) {
    const auto [length, point] = first_character(untrusted);
    std::string next;
    if (length == 0 || point < 0x20 || point == 0x7f) {
      next = fmt::format("\\x{:02x}", static_cast<unsigned char>(untrusted.front()));
    } else if (is_layout_control(point)) {
      next = fmt::format("\\u{{{:x}}}", static_cast<std::uint32_t>(point));
    } else if (point == '\\') {
      next = "\\\\";
    } else {
      next = untrusted.substr(0, length);
    }
    if (safe.size() + next.size() > kUntrustedBytes) return safe + "...";
    safe += next;
    untrusted.remove_prefix(length == 0 ? 1 : length);
  }
  return safe;
}

std::string timestamp() {
  timespec now{};
  ::clock_gettime(CLOCK_REALTIME, &now);
  tm utc{};
  ::gmtime_r(&now.tv_sec, &utc);
  return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:03}Z", utc.tm_year + 1900, utc.tm_mon + 1, utc.tm_mday,
                     utc.tm_hour, utc.tm_min, utc.tm_sec, now.tv_nsec / 1'000'000);
}

}  // namespace sidelock::log
