// Connects to the app.
#pragma once

#include "base/error.h"
#include "config/settings.h"
#include "io/socket.h"
#include "io/task.h"
#include "proxy/outcome.h"

namespace sidelock {

// A connected socket with the limits' keep-alive and user timeout, or kAppRefused, kConnectTimeout, kAppUnreachable or
// kLimit (no descriptor left). One thread.
task<Result<Socket, Outcome>> connect_upstream(AppAddress app, Reactor& reactor, const LimitSettings& limits);

// Options for both sides of a connection, and for listeners, whose accepted sockets inherit them (tcp(7)): no Nagle
// delay, keep-alive, user timeout. A refused option is no failure: the connection works without it.
void set_connection_options(int socket, const LimitSettings& limits) noexcept;

}  // namespace sidelock
