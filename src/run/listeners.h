// Opens the listening sockets: one for each capture port or --listen pair, and for each worker.
#pragma once

#include <vector>

#include "config/settings.h"
#include "proxy/worker.h"

namespace sidelock {

// The sockets of one worker; all workers' share the ports (SO_REUSEPORT). Throws Failure{kFailure} naming the port that
// is in use, kMissingPermission for a port below ip_unprivileged_port_start without NET_BIND_SERVICE.
std::vector<ListeningSocket> open_listeners(const Settings& settings);

}  // namespace sidelock
