// See namespace_lock.h.
#include "netsetup/namespace_lock.h"

#include <cerrno>
#include <cstddef>
#include <string_view>
#include <system_error>
#include <thread>

#include <fmt/format.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "base/error.h"

namespace sidelock {

namespace {

constexpr std::string_view kName{"\0sidelock-init", 14};
constexpr std::chrono::milliseconds kPause{5};

bool is_taken_over(int socket) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  kName.copy(address.sun_path, kName.size());
  const auto size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + kName.size());
  if (::bind(socket, reinterpret_cast<const sockaddr*>(&address), size) == 0) return true;
  if (errno == EADDRINUSE) return false;
  throw std::system_error{errno, std::generic_category(), "cannot keep another init away"};
}

}  // namespace

NamespaceLock::NamespaceLock(std::chrono::milliseconds patience)
    : socket_{::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0)} {
  if (!socket_) throw std::system_error{errno, std::generic_category(), "cannot keep another init away"};
  const auto deadline = std::chrono::steady_clock::now() + patience;
  while (!is_taken_over(socket_.get())) {
    if (std::chrono::steady_clock::now() >= deadline) {
      throw Failure{ExitCode::kFailure,
                    fmt::format("another `sidelock init` or `cleanup` was at work in this network namespace for all of "
                                "{} ms; try again, or wait longer with --lock-wait",
                                patience.count())};
    }
    std::this_thread::sleep_for(kPause);  // nobody tells when the name is free again
  }
}

}  // namespace sidelock
