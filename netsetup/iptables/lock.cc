// See lock.h.
#include "netsetup/iptables/lock.h"

#include <cstdlib>
#include <cstring>
#include <string>
#include <thread>

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>

#include "base/error.h"
#include "base/log.h"

namespace sidelock::iptables {

Fd take_lock(std::chrono::milliseconds patience) {
  const char* const named = std::getenv("XTABLES_LOCKFILE");
  const std::string path = named != nullptr ? named : "/run/xtables.lock";
  Fd file{::open(path.c_str(), O_RDONLY | O_CREAT | O_CLOEXEC, 0600)};
  if (!file) {
    log::debug("going on without the xtables lock: {}: {}", path, std::strerror(errno));
    return file;
  }
  const auto deadline = std::chrono::steady_clock::now() + patience;
  while (::flock(file.get(), LOCK_EX | LOCK_NB) != 0) {
    if (errno != EWOULDBLOCK) throw_errno(errno, "lock " + path);
    if (std::chrono::steady_clock::now() >= deadline) {
      throw Failure{ExitCode::kFailure, fmt::format("another program has held the xtables lock {} for {} ms; --lock-wait says how long to wait",
                                                    path, patience.count())};
    }
    std::this_thread::sleep_for(std::chrono::milliseconds{5});
  }
  return file;
}

}  // namespace sidelock::iptables
