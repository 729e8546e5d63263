// See attempt.h.
#include "doctor/attempt.h"

#include <cerrno>

#include <poll.h>
#include <sys/socket.h>

#include "base/fd.h"

namespace sidelock {

namespace {

constexpr int kPatience = 1000;  // milliseconds, as poll(2) wants them

bool wait_for(int socket, short events) {
  pollfd waited{socket, events, 0};
  int ready = 0;
  do {
    ready = ::poll(&waited, 1, kPatience);
  } while (ready < 0 && errno == EINTR);
  return ready > 0;
}

Attempt failed_with(int error) {
  switch (error) {
    case ECONNREFUSED: return Attempt::kRefused;
    case ECONNRESET: return Attempt::kReset;
    case ETIMEDOUT: return Attempt::kTimedOut;
    default: return Attempt::kImpossible;
  }
}

// kStayed: it is connected.
Attempt connect_by(const Fd& socket, const Endpoint& target) {
  if (!socket) return Attempt::kImpossible;
  const linger reset_at_close{1, 0};
  ::setsockopt(socket.get(), SOL_SOCKET, SO_LINGER, &reset_at_close, sizeof reset_at_close);
  const SocketAddress address{target};
  if (::connect(socket.get(), address.get(), address.size()) == 0) return Attempt::kStayed;
  if (errno != EINPROGRESS) return failed_with(errno);
  if (!wait_for(socket.get(), POLLOUT)) return Attempt::kTimedOut;
  int error = 0;
  socklen_t size = sizeof error;
  ::getsockopt(socket.get(), SOL_SOCKET, SO_ERROR, &error, &size);
  return error == 0 ? Attempt::kStayed : failed_with(error);
}

Fd open_socket(const Endpoint& target) {
  return Fd{::socket(target.address.family(), SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)};
}

}  // namespace

Attempt connect_to(const Endpoint& target) { return connect_by(open_socket(target), target); }

Attempt connect_and_listen(const Endpoint& target) {
  const Fd socket = open_socket(target);
  const Attempt connected = connect_by(socket, target);
  if (connected != Attempt::kStayed) return connected;
  if (!wait_for(socket.get(), POLLIN)) return Attempt::kStayed;
  char byte = 0;
  const ssize_t size = ::recv(socket.get(), &byte, 1, 0);
  if (size < 0) return failed_with(errno);
  return size == 0 ? Attempt::kEnded : Attempt::kStayed;
}

}  // namespace sidelock
