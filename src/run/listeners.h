// Opens the listening sockets: one for each capture port or --listen pair, and for each worker.
#pragma once

#include <string_view>
#include <vector>

#include "config/settings.h"
#include "proxy/worker.h"

namespace sidelock {

// The sockets of each worker. Several workers share the ports (SO_REUSEPORT); a single one does not, so that nobody
// else can join them. Throws Failure{kFailure} naming the port that is in use, kMissingPermission for a port below
// ip_unprivileged_port_start without NET_BIND_SERVICE.
std::vector<std::vector<ListeningSocket>> open_listeners(const Settings& settings, std::size_t workers);

// The listener of an admin address, which `setting` names in messages. [::] takes both families, and IPv4 alone where
// the kernel has no IPv6; 127.0.0.1 means ::1 where the pod has no IPv4. Throws as above.
Fd open_admin_listener(std::string_view setting, const Endpoint& endpoint);

}  // namespace sidelock
