// See upstream.h.
#include "proxy/upstream.h"

#include <netinet/tcp.h>

#include "io/deadline.h"
#include "proxy/original_destination.h"

namespace sidelock {

namespace {

constexpr int kKeepaliveProbes = 3;
constexpr int kKeepaliveInterval = 10;  // seconds

void set_option(int socket, int level, int option, int value) noexcept {
  ::setsockopt(socket, level, option, &value, sizeof value);
}

Outcome connect_failure(int error) {
  // A reset before the first byte refuses as well.
  if (error == ECONNREFUSED || error == ECONNRESET) return Outcome::kAppRefused;
  if (error == ETIMEDOUT) return Outcome::kConnectTimeout;
  if (error == EMFILE || error == ENFILE || error == ENOBUFS || error == ENOMEM) return Outcome::kLimit;
  return Outcome::kAppUnreachable;
}

}  // namespace

void set_stream_options(int socket) noexcept {
  set_option(socket, IPPROTO_TCP, TCP_NODELAY, 1);
  // Urgent bytes are bytes of the stream like all others (RFC 6093).
  set_option(socket, SOL_SOCKET, SO_OOBINLINE, 1);
}

void set_keepalive(int socket, const LimitSettings& limits) noexcept {
  if (limits.tcp_keepalive.count() == 0) return;
  const auto idle = std::chrono::ceil<std::chrono::seconds>(limits.tcp_keepalive).count();
  set_option(socket, SOL_SOCKET, SO_KEEPALIVE, 1);
  set_option(socket, IPPROTO_TCP, TCP_KEEPIDLE, static_cast<int>(idle));
  set_option(socket, IPPROTO_TCP, TCP_KEEPINTVL, kKeepaliveInterval);
  set_option(socket, IPPROTO_TCP, TCP_KEEPCNT, kKeepaliveProbes);
}

task<Result<Socket, Outcome>> connect_upstream(AppAddress app, Reactor& reactor, const LimitSettings& limits,
                                               UpstreamMark mark) {
  const SocketAddress address{app.endpoint};
  Fd fd{::socket(address.family(), SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)};
  if (!fd) co_return connect_failure(errno);
  set_stream_options(fd.get());
  // Over loopback the kernel itself tells when the other end is gone.
  if (!app.endpoint.address.is_loopback()) set_keepalive(fd.get(), limits);
  bool is_connected = ::connect(fd.get(), address.get(), address.size()) == 0;
  if (!is_connected && errno != EINPROGRESS) co_return connect_failure(errno);
  mark.place.emplace(mark.connections, UpstreamConnections::Ends{local_destination(fd.get()).endpoint, app.endpoint});

  // Over loopback the answer has come before connect() returned, but only a second call tells (connect(2), EALREADY).
  if (!is_connected) is_connected = ::connect(fd.get(), address.get(), address.size()) == 0;
  if (!is_connected && errno != EALREADY) co_return connect_failure(errno);

  Socket socket{std::move(fd), reactor};
  if (!is_connected) {
    const Deadline deadline{socket, limits.connect_timeout};
    socket.expect_connection();
    co_await socket.writable();
    const int error = deadline.has_expired() ? ETIMEDOUT : socket.take_connect_error();
    if (error != 0) co_return connect_failure(error);
  }
  co_return std::move(socket);
}

}  // namespace sidelock
