// Opens the listening sockets: one for each capture port or --listen pair, and for each worker.
#pragma once

#include <vector>

#include "config/settings.h"
#include "proxy/worker.h"

namespace sidelock {

// The sockets of each worker. Several workers share the ports (SO_REUSEPORT); a single one does not, so that nobody
// else can join them. Throws Failure{kFailure} naming the port that is in use, kMissingPermission for a port below
// ip_unprivileged_port_start without NET_BIND_SERVICE.
std::vector<std::vector<ListeningSocket>> open_listeners(const Settings& settings, std::size_t workers);

}  // namespace sidelock
