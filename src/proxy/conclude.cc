// See conclude.h; docs/decisions/0007-stream-ends.md gives the reasons.
#include "proxy/conclude.h"

#include "io/deadline.h"

namespace sidelock {

namespace {

constexpr std::chrono::seconds kLinger{2};
constexpr std::size_t kLingerBytes = std::size_t{64} * 1024;
constexpr std::chrono::seconds kLongestDelivery{60};

// Closing a socket with unread input makes the kernel send a reset, which would overtake our last bytes (close_notify,
// an alert). So read and drop until the client has closed too, within limits.
task<> linger(Connection& connection) {
  Socket& client = connection.client_socket;
  client.shutdown_write();
  const Deadline deadline{client, kLinger};
  std::size_t dropped = 0;
  while (dropped < kLingerBytes) {
    const IoResult got = client.read(connection.workplace.buffers().plain().first(Buffers::kSmallestWindow));
    if (got.state == Io::kEnd || got.state == Io::kError) break;
    dropped += got.bytes;
    if (got.state == Io::kWouldBlock) co_await client.readable();
  }
  client.close();
}

// A reset makes the receiver's kernel drop nothing it has, but ours everything it has not sent: wait until the last
// byte has been acknowledged, then reset.
task<> reset_after_delivery(Socket& socket, Clock::duration limit) {
  Reactor& reactor = socket.reactor();
  const Clock::time_point give_up = reactor.now() + limit;
  Clock::duration pause = std::chrono::milliseconds{1};
  constexpr Clock::duration kLongestPause = std::chrono::milliseconds{50};
  while (socket.unacknowledged() > 0 && reactor.now() < give_up) {
    co_await reactor.sleep(pause);
    pause = std::min(pause * 2, kLongestPause);
  }
  socket.close_with_reset();
}

}  // namespace

task<> conclude(Connection& connection, Outcome outcome) {
  Socket& client = connection.client_socket;
  std::optional<Socket>& app = connection.app_socket;
  const auto& limits = connection.workplace.settings().limits;
  const Clock::duration delivery =
      limits.close_timeout.count() > 0 ? Clock::duration{limits.close_timeout} : kLongestDelivery;

  const auto reset_app = [&] {
    if (app) app->close_with_reset();
    connection.upstream_place.reset();  // the kernel may give its ends to another
  };
  switch (outcome) {
    case Outcome::kOk:
    case Outcome::kClientClosedBare:
    case Outcome::kDrained:
      if (client.is_aborted()) break;
      if (app) app->close();
      connection.upstream_place.reset();
      co_await linger(connection);
      co_return;
    case Outcome::kHandshakeFailed:
    case Outcome::kNoApplicationProtocol:
    case Outcome::kUnknownName:
    case Outcome::kClientCertMissing:
    case Outcome::kClientCertInvalid:
    case Outcome::kClientNotAllowed:
      reset_app();  // connected to before the handshake
      co_await linger(connection);
      co_return;
    case Outcome::kHandshakeClosed:
      reset_app();
      client.close();
      co_return;
    case Outcome::kClientReset:
    case Outcome::kClientTruncated:
      client.close_with_reset();
      co_await reset_after_delivery(*app, delivery);
      co_return;
    case Outcome::kRecordError:
      co_await reset_after_delivery(*app, delivery);
      co_await reset_after_delivery(client, kLinger);
      co_return;
    case Outcome::kAppReset:
      reset_app();
      co_await reset_after_delivery(client, delivery);
      co_return;
    default: break;
  }
  reset_app();
  client.close_with_reset();
}

}  // namespace sidelock
