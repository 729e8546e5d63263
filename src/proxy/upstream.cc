// See upstream.h.
#include "proxy/upstream.h"

#include <netinet/tcp.h>

#include "io/deadline.h"
#include "policy/upstream_address.h"
#include "proxy/original_destination.h"

namespace sidelock {

namespace {

constexpr int kKeepaliveProbes = 3;
constexpr int kKeepaliveInterval = 10;  // seconds

void set_option(int socket, int level, int option, int value) noexcept {
  ::setsockopt(socket, level, option, &value, sizeof value);
}

// A reset before the first byte refuses as well.
bool is_refusal(int error) { return error == ECONNREFUSED || error == ECONNRESET; }

bool is_out_of_resources(int error) {
  return error == EMFILE || error == ENFILE || error == ENOBUFS || error == ENOMEM;
}

Outcome outcome_of(int error) {
  if (is_refusal(error)) return Outcome::kAppRefused;
  if (error == ETIMEDOUT) return Outcome::kConnectTimeout;
  return is_out_of_resources(error) ? Outcome::kLimit : Outcome::kAppUnreachable;
}

// A connect() under way, or why there is none.
struct Begun {
  Fd fd;
  int error = 0;
  bool is_connected = false;
};

// Binds to an address that is not ours (ip(7), IP_TRANSPARENT). A port of 0 is chosen only by connect(), which knows
// the other end and so has all ports to choose from; a given one may be in use towards another app.
bool bind_to_foreign(int socket, const Endpoint& source) noexcept {
  const bool is_ipv4 = source.address.is_ipv4();
  const int on = 1;
  const int transparent = is_ipv4 ? ::setsockopt(socket, IPPROTO_IP, IP_TRANSPARENT, &on, sizeof on)
                                  : ::setsockopt(socket, IPPROTO_IPV6, IPV6_TRANSPARENT, &on, sizeof on);
  if (transparent != 0) return false;
  if (source.port == 0) {
    set_option(socket, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, on);
  } else {
    set_option(socket, SOL_SOCKET, SO_REUSEADDR, on);
  }
  const SocketAddress address{source};
  return ::bind(socket, address.get(), address.size()) == 0;
}

// `source` none: from an address of ours that the kernel chooses.
Begun begin(const AppAddress& app, const std::optional<Endpoint>& source, const LimitSettings& limits) {
  const SocketAddress address{app.endpoint};
  Fd fd{::socket(address.family(), SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)};
  if (!fd) return {Fd{}, errno, false};
  set_stream_options(fd.get());
  // Over loopback the kernel itself tells when the other end is gone.
  if (!app.endpoint.address.is_loopback()) set_keepalive(fd.get(), limits);
  if (source && !bind_to_foreign(fd.get(), *source)) return {Fd{}, errno, false};
  const bool is_connected = ::connect(fd.get(), address.get(), address.size()) == 0;
  if (!is_connected && errno != EINPROGRESS) return {Fd{}, errno, false};
  return {std::move(fd), 0, is_connected};
}

// With the client's own port where that can be had: not one below 1024, and not when another of its connections, to
// another address of this pod, has it towards the same app.
Begun begin_as_client(const AppAddress& app, const ClientAddress& client, const LimitSettings& limits) {
  if (!can_preserve(client)) return {Fd{}, EADDRNOTAVAIL, false};
  Begun begun = begin(app, client.endpoint, limits);
  const bool is_port_refused = begun.error == EADDRINUSE || begun.error == EADDRNOTAVAIL || begun.error == EACCES;
  return is_port_refused ? begin(app, Endpoint{client.endpoint.address, 0}, limits) : std::move(begun);
}

Begun begin_from(UpstreamSource& source, const AppAddress& app, const LimitSettings& limits) {
  if (source.preserve == PreserveSource::kOff) return begin(app, std::nullopt, limits);
  Begun begun = begin_as_client(app, source.client, limits);
  source.is_preserved = begun.fd || is_refusal(begun.error);
  const bool may_go_on = source.preserve == PreserveSource::kPrefer && !is_out_of_resources(begun.error);
  return source.is_preserved || !may_go_on ? std::move(begun) : begin(app, std::nullopt, limits);
}

UpstreamFailure connect_failure(int error) { return {outcome_of(error), error}; }

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

task<Result<Socket, UpstreamFailure>> connect_upstream(AppAddress app, UpstreamSource& source, Reactor& reactor,
                                                       const LimitSettings& limits, UpstreamMark mark) {
  Begun begun = begin_from(source, app, limits);
  if (!begun.fd) co_return connect_failure(begun.error);
  mark.place.emplace(mark.connections,
                     UpstreamConnections::Ends{local_destination(begun.fd.get()).endpoint, app.endpoint});

  // Over loopback the answer has come before connect() returned, but only a second call tells (connect(2), EALREADY).
  const SocketAddress address{app.endpoint};
  bool is_connected = begun.is_connected || ::connect(begun.fd.get(), address.get(), address.size()) == 0;
  if (!is_connected && errno != EALREADY) co_return connect_failure(errno);

  Socket socket{std::move(begun.fd), reactor};
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
