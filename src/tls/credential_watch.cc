// See credential_watch.h.
#include "tls/credential_watch.h"

#include <algorithm>
#include <cstddef>
#include <iterator>
#include <set>

#include <fcntl.h>
#include <fmt/format.h>
#include <openssl/crypto.h>
#include <sys/inotify.h>
#include <sys/stat.h>

#include "base/log.h"
#include "tls/tls_files.h"

namespace sidelock {

namespace {

constexpr std::chrono::seconds kComparePause{5};
// A pair is written in two steps, and a Secret in several: look when it is quiet again.
constexpr std::chrono::milliseconds kSettle{200};

// Wakes the watching coroutine although no event came.
class Wake final : public Timer {
 public:
  explicit Wake(Socket& socket) : socket_{socket} {
    socket.reactor().timers().arm(*this, socket.reactor().now() + kComparePause);
  }

 private:
  void on_expiry() override { socket_.interrupt(); }

  Socket& socket_;
};

std::string folder_of(const std::string& path) {
  const std::size_t slash = path.rfind('/');
  if (slash == std::string::npos) return ".";
  return slash == 0 ? "/" : path.substr(0, slash);
}

}  // namespace

CredentialWatch::CredentialWatch(const TlsSettings& settings, Reactor& reactor, std::function<bool()> on_change)
    : reactor_{reactor}, on_change_{std::move(on_change)}, files_{names_of_tls_files(settings)} {
  Fd fd{::inotify_init1(IN_NONBLOCK | IN_CLOEXEC)};
  if (fd) inotify_.emplace(std::move(fd), reactor);
  watch_folders();
  known_ = digest();
}

Background CredentialWatch::watch() {
  while (!files_.empty()) {
    if (inotify_) {
      const Wake wake{*inotify_};
      co_await inotify_->readable();
    } else {
      co_await reactor_.sleep(kComparePause);
    }
    if (inotify_ && inotify_->may_read()) {
      co_await reactor_.sleep(kSettle);
      drain_events();
    }
    compare();
  }
}

// Without memory nothing has been seen: what there is to see is seen the next time.
void CredentialWatch::compare() noexcept {
  try {
    watch_folders();
    const Digest now = digest();
    if (now != known_ && on_change_()) known_ = now;
  } catch (const std::exception& failure) {
    log::warning("cannot look at the files of the certificates: {}; trying again", failure.what());
  }
}

// Again and again, because a folder may have been replaced: for a folder that is watched already this changes nothing.
void CredentialWatch::watch_folders() {
  if (!inotify_) return;
  std::set<std::string> folders;
  std::transform(files_.begin(), files_.end(), std::inserter(folders, folders.end()), folder_of);
  for (const std::string& folder : folders) {
    ::inotify_add_watch(inotify_->fd(), folder.c_str(),
                        IN_CLOSE_WRITE | IN_CREATE | IN_DELETE | IN_MOVED_TO | IN_ONLYDIR);
  }
}

// What happened is of no interest: the contents tell.
void CredentialWatch::drain_events() {
  alignas(inotify_event) std::array<char, 4096> events;
  while (::read(inotify_->fd(), events.data(), events.size()) > 0) {
  }
  inotify_->note_drained();
}

Digest CredentialWatch::digest() const {
  Sha256 sum;
  std::array<char, 4096> part;
  for (const std::string& path : files_) {
    const Fd file{::open(path.c_str(), O_RDONLY | O_CLOEXEC)};
    // Which file it is, too: contents that go and come back may have been loaded in between.
    struct stat which {};
    if (file) ::fstat(file.get(), &which);
    sum.add(fmt::format("{}:{}:{}:{}.{};", path, file ? "there" : "missing", which.st_ino, which.st_mtim.tv_sec,
                        which.st_mtim.tv_nsec));
    for (ssize_t count = 0; file && (count = ::read(file.get(), part.data(), part.size())) > 0;) {
      sum.add({part.data(), static_cast<std::size_t>(count)});
    }
  }
  ::OPENSSL_cleanse(part.data(), part.size());
  return sum.finish();
}

}  // namespace sidelock
