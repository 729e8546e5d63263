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

// From which address the app is dialled.
struct UpstreamSource {
  PreserveSource preserve = PreserveSource::kOff;
  ClientAddress client;
  bool is_preserved = false;  // told by connect_upstream(): the connection comes, or would have come, from the client's
};

struct UpstreamFailure {
  Outcome outcome;  // kAppRefused, kConnectTimeout, kAppUnreachable or kLimit (no descriptor left)
  int error;        // errno
};

// A connected socket with the limits' keep-alive and user timeout, or how it failed. With PreserveSource::kRequire a
// client's address that cannot be kept is kAppUnreachable. `source` outlives the task. One thread.
task<Result<Socket, UpstreamFailure>> connect_upstream(AppAddress app, UpstreamSource& source, Reactor& reactor,
                                                       const LimitSettings& limits, UpstreamMark mark);

// Options for both sides of a connection, and for listeners, whose accepted sockets inherit them (tcp(7)). A refused
// option is no failure: the connection works without it.
void set_stream_options(int socket) noexcept;  // no Nagle delay, urgent bytes in line
void set_keepalive(int socket, const LimitSettings& limits) noexcept;

}  // namespace sidelock
