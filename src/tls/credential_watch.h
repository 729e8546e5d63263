// Notices that the files of the credentials, the client authorities and the revocation lists have changed: by
// inotify(7) on their folders, where it works, and by comparing contents every few seconds. The folders are watched,
// not the files: Kubernetes replaces a mounted Secret by renaming a symlink, and the file that was opened before never
// changes.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "config/settings.h"
#include "io/socket.h"
#include "io/task.h"
#include "tls/digest.h"

namespace sidelock {

// Lives in one reactor's thread. The settings and the reactor outlive it. Keeps a digest of the contents, never a key.
class CredentialWatch {
 public:
  // `on_change` is called, in the reactor's thread, soon after the contents of the files have become others; also when
  // a file has gone or come, or is only half written: what it finds then may be unusable, and it is called again when
  // the contents change again. Or in a few seconds, if it returns false: it had no memory to look. Without inotify (a
  // limit of the kernel's) changes are found by comparing alone.
  CredentialWatch(const TlsSettings& settings, Reactor& reactor, std::function<bool()> on_change);
  CredentialWatch(const CredentialWatch&) = delete;
  CredentialWatch& operator=(const CredentialWatch&) = delete;

  void start() { watching_ = watch(); }

 private:
  Background watch();
  void compare() noexcept;
  void watch_folders();
  void drain_events();
  [[nodiscard]] Digest digest() const;

  Reactor& reactor_;
  std::function<bool()> on_change_;
  std::vector<std::string> files_;
  std::optional<Socket> inotify_;
  Digest known_{};
  Background watching_;
};

}  // namespace sidelock
