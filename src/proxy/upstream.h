// Connects to the app.
#pragma once

#include <optional>

#include "base/error.h"
#include "config/settings.h"
#include "io/socket.h"
#include "io/task.h"
#include "proxy/outcome.h"
#include "proxy/shared.h"

namespace sidelock {

// What a connection to the app is marked in, so that it is known if it comes back to our own listeners.
struct UpstreamMark {
  UpstreamConnections& connections;
  std::optional<UpstreamConnections::Place>& place;  // set before anybody can have accepted the connection here
};

// A connected socket with the limits' keep-alive and user timeout, or kAppRefused, kConnectTimeout, kAppUnreachable or
// kLimit (no descriptor left). One thread.
task<Result<Socket, Outcome>> connect_upstream(AppAddress app, Reactor& reactor, const LimitSettings& limits,
                                               UpstreamMark mark);

// Options for both sides of a connection, and for listeners, whose accepted sockets inherit them (tcp(7)). A refused
// option is no failure: the connection works without it.
void set_stream_options(int socket) noexcept;  // no Nagle delay, urgent bytes in line
void set_keepalive(int socket, const LimitSettings& limits) noexcept;

}  // namespace sidelock
