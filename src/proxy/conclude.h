// The last bytes of a connection: what each side is owed, given how it ended.
#pragma once

#include "io/task.h"
#include "proxy/connection.h"

namespace sidelock {

// Closes both sockets: cleanly after a clean end, with a reset after anything else, and in such a way that what was
// relayed before still arrives. Bounded in time by the close timeout.
task<> conclude(Connection& connection, Outcome outcome);

}  // namespace sidelock
