// See log.h. The writer below is the only code that touches standard output.
#include "base/log.h"

#include <array>
#include <atomic>
#include <condition_variable>
#include <csignal>
#include <ctime>
#include <deque>
#include <memory>
#include <mutex>
#include <thread>

#include <poll.h>
#include <unistd.h>

#include "base/json_writer.h"
#include "base/log_limited.h"
#include "base/log_recent.h"
#include "base/privileges.h"
#include "base/repetition.h"
#include "base/utf8.h"

namespace sidelock::log {

namespace {

constexpr std::size_t kQueuedLines = 4096;
constexpr std::size_t kBlock = std::size_t{64} * 1024;  // about as much as a pipe holds
constexpr std::size_t kUntrustedBytes = 256;
constexpr std::uint64_t kFirstMessages = 10;  // of a kind, before the rest are counted only

std::atomic<Level> minimum_level{Level::kInfo};
std::atomic<Format> output_format{Format::kPlain};

void write_all(int fd, const char* data, std::size_t size) {
  while (size > 0) {
    const ssize_t written = ::write(fd, data, size);
    if (written < 0 && errno == EINTR) continue;
    if (written < 0 && errno == EAGAIN) {
      // Whoever shares standard output with us has made it non-blocking: what does not fit now is not lost for that.
      pollfd until_writable{fd, POLLOUT, 0};
      ::poll(&until_writable, 1, -1);
      continue;
    }
    if (written <= 0) return;  // standard output is gone: there is nobody left to tell
    data += written;
    size -= static_cast<std::size_t>(written);
  }
}

// What was not written, as a line. It is a warning's own kind of repetition, so it passes no limit.
std::string told(const RepetitionLimit::Withheld& withheld) {
  const std::string message = in_words(withheld);
  if (output_format.load(std::memory_order_relaxed) == Format::kPlain) {
    return fmt::format("{} {:<7} {}", timestamp(), "info", message);
  }
  JsonWriter line;
  line.add("time", timestamp());
  line.add("level", "info");
  line.add("message", message);
  line.add("repeated", withheld.count);
  return line.take();
}

std::string with_room(std::size_t size) {
  std::string text;
  text.reserve(size);
  return text;
}

// Takes lines from any thread and writes them to standard output in one of its own, as many at once as have come. A
// full queue drops its oldest line. An empty one takes no memory. Without memory for a line that one is dropped.
class Writer {
 public:
  void push(std::string_view line) noexcept {
    const std::lock_guard lock{mutex_};
    append(line);
    if (is_asleep_) has_news_.notify_one();
  }

  // The same for a line of which only the `first` of its kind within a while are written.
  void push_limited(const std::string& kind, std::uint64_t first, std::string_view line) noexcept {
    const std::lock_guard lock{mutex_};
    or_drop([&] {
      if (repetitions_.admit(kind, first, std::chrono::steady_clock::now())) append(line);
    });
    if (is_asleep_) has_news_.notify_one();
  }

  // For a line that could not even be made.
  void drop() noexcept {
    const std::lock_guard lock{mutex_};
    ++dropped_;
  }

  void remember(const std::string& kind, Level level, std::string_view message) {
    const std::lock_guard lock{mutex_};
    recent_.note(kind, level, message, std::chrono::system_clock::now());
  }
  [[nodiscard]] std::vector<RecentMessage> recent() {
    const std::lock_guard lock{mutex_};
    return {recent_.all().rbegin(), recent_.all().rend()};
  }

  // What has been withheld so far is told now.
  void tell_withheld() noexcept {
    const std::lock_guard lock{mutex_};
    tell(RepetitionLimit::Time::max());
    if (is_asleep_) has_news_.notify_one();
  }

  [[nodiscard]] std::uint64_t dropped() {
    const std::lock_guard lock{mutex_};
    return dropped_;
  }

  [[nodiscard]] bool is_done() {
    const std::lock_guard lock{mutex_};
    return lines_.empty() && is_asleep_;
  }

  [[noreturn]] void run() noexcept {
    for (;;) {
      take();
      write_all(STDOUT_FILENO, block_.data(), block_.size());
    }
  }

 private:
  template <class Work>
  void or_drop(Work work) noexcept {
    try {
      work();
    } catch (const std::exception&) {
      ++dropped_;
    }
  }

  void append(std::string_view line) noexcept {
    or_drop([&] {
      std::string whole;
      whole.reserve(line.size() + 1);
      whole += line;
      whole += '\n';
      lines_.push_back(std::move(whole));
    });
    if (lines_.size() <= kQueuedLines) return;
    lines_.pop_front();
    ++dropped_;
  }

  void tell(RepetitionLimit::Time by) noexcept {
    or_drop([&] {
      for (const auto& withheld : repetitions_.take(by)) append(told(withheld));
    });
  }

  // Not only when there is nothing else to write: a busy log tells it in time, too.
  void tell_what_is_due() {
    const auto due = repetitions_.next_due();
    if (!due) return;
    const auto now = std::chrono::steady_clock::now();
    if (*due <= now) tell(now);
  }

  void wait_for_lines(std::unique_lock<std::mutex>& lock) {
    while (lines_.empty()) {
      const auto due = repetitions_.next_due();
      if (due) {
        has_news_.wait_until(lock, *due);
        tell_what_is_due();
      } else {
        has_news_.wait(lock);
      }
    }
  }

  // Waits for lines. The block has its memory already, and never has less: a longer line becomes the block.
  void take() noexcept {
    block_.clear();
    std::unique_lock lock{mutex_};
    tell_what_is_due();
    is_asleep_ = true;
    wait_for_lines(lock);
    is_asleep_ = false;
    if (lines_.front().size() > block_.capacity()) block_.swap(lines_.front());
    while (!lines_.empty() && lines_.front().size() <= block_.capacity() - block_.size()) {
      block_ += lines_.front();
      lines_.pop_front();
    }
  }

  std::mutex mutex_;
  std::condition_variable has_news_;  // lines, or something withheld
  std::deque<std::string> lines_;
  RepetitionLimit repetitions_;
  RecentMessages recent_;
  std::uint64_t dropped_ = 0;
  bool is_asleep_ = true;
  std::string block_ = with_room(kBlock);  // the writing thread's
};
// Never destroyed: joining a writer that is stuck in write() would keep the process alive.
std::atomic<Writer*> writer{nullptr};

std::string_view name(Level level) {
  constexpr std::array<std::string_view, 4> kNames{"debug", "info", "warning", "error"};
  return kNames[static_cast<std::size_t>(level)];
}

std::string rendered(Level level, std::string_view message) {
  if (format() == Format::kPlain) return fmt::format("{} {:<7} {}", timestamp(), name(level), message);
  JsonWriter line;
  line.add("time", timestamp());
  line.add("level", name(level));
  line.add("message", message);
  return line.take();
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
  Writer* const started = std::make_unique<Writer>().release();
  // It only writes, so it needs no privilege, whatever this thread has or will have.
  std::thread{[started] {
    drop_privileges();
    started->run();
  }}.detach();
  ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
  writer = started;
}

void stop(std::chrono::milliseconds patience) {
  Writer* const current = writer.load();
  if (current == nullptr) return;
  current->tell_withheld();
  const auto deadline = std::chrono::steady_clock::now() + patience;
  while (!current->is_done()) {
    if (std::chrono::steady_clock::now() >= deadline) return;
    std::this_thread::sleep_for(std::chrono::milliseconds{1});
  }
}

Format format() noexcept { return output_format.load(std::memory_order_relaxed); }

bool is_enabled(Level level) noexcept { return level >= minimum_level.load(std::memory_order_relaxed); }

std::uint64_t dropped() noexcept {
  Writer* const current = writer.load();
  return current == nullptr ? 0 : current->dropped();
}

namespace {

void render(Level level, std::string_view message) {
  if (level < Level::kWarning) return write_raw(rendered(level, message));
  const std::string kind = kind_of(message);
  if (Writer* const current = writer.load()) current->remember(kind, level, message);
  write_limited(kind, kFirstMessages, rendered(level, message));
}

}  // namespace

void write(Level level, fmt::string_view text, fmt::format_args args) noexcept {
  try {
    render(level, fmt::vformat(text, args));
  } catch (const std::exception&) {
    if (Writer* const current = writer.load()) current->drop();
  }
}

std::vector<RecentMessage> recent() {
  Writer* const current = writer.load();
  return current == nullptr ? std::vector<RecentMessage>{} : current->recent();
}

void write_limited(const std::string& kind, std::uint64_t first, std::string_view line) noexcept {
  Writer* const current = writer.load();
  if (current == nullptr) return write_raw(line);
  current->push_limited(kind, first, line);
}

void write_raw(std::string_view line) noexcept {
  Writer* const current = writer.load();
  if (current == nullptr) {
    write_all(STDERR_FILENO, line.data(), line.size());
    write_all(STDERR_FILENO, "\n", 1);
    return;
  }
  current->push(line);
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
