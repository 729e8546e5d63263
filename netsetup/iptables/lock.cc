// See lock.h. XTABLES_LOCKFILE names another file, as it does for iptables itself.
#include "netsetup/iptables/lock.h"

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <thread>

#include <fcntl.h>
#include <sys/file.h>

#include "base/error.h"
#include "base/log.h"

namespace sidelock::iptables {

namespace {

constexpr const char* kLockFile = "/run/xtables.lock";
constexpr std::chrono::milliseconds kPause{20};

}  // namespace

XtablesLock::XtablesLock(std::chrono::milliseconds patience) {
  const char* chosen = ::secure_getenv("XTABLES_LOCKFILE");
  const char* path = chosen != nullptr ? chosen : kLockFile;
  file_ = Fd{::open(path, O_RDONLY | O_CREAT | O_CLOEXEC, 0600)};
  if (!file_) {
    log::debug("{} cannot be opened ({}), so no other program can be waited for", path, std::strerror(errno));
    return;
  }
  const auto deadline = std::chrono::steady_clock::now() + patience;
  while (::flock(file_.get(), LOCK_EX | LOCK_NB) != 0) {
    const int error = errno;
    if (error != EWOULDBLOCK && error != EINTR) {
      log::debug("{} cannot be locked ({})", path, std::strerror(error));
      return;
    }
    if (std::chrono::steady_clock::now() >= deadline) {
      throw Failure{ExitCode::kFailure,
                    fmt::format("another program held {} for all of {} ms; try again, or wait longer with --lock-wait",
                                path, patience.count())};
    }
    std::this_thread::sleep_for(kPause);
  }
}

}  // namespace sidelock::iptables
