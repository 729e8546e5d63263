// Where the client wanted to go before the kernel redirected it to us.
#pragma once

#include <optional>

#include "base/address.h"
#include "config/settings.h"

namespace sidelock {

// SO_ORIGINAL_DST (linux/netfilter_ipv4.h) of an accepted socket, IP6T_SO_ORIGINAL_DST
// (linux/netfilter_ipv6/ip6_tables.h) for IPv6 clients. Nothing when connection tracking does not know the connection.
// A connection that was never redirected yields the address it was made to, so a direct hit on a capture port shows as
// that port.
std::optional<OriginalDestination> original_destination(int socket, const ClientAddress& client);

// The address the client connected to: under tproxy, which changes no address, and for --capture none.
OriginalDestination local_destination(int socket);

// Of a captured connection, by the way it was captured.
std::optional<OriginalDestination> captured_destination(CaptureMode mode, int socket, const ClientAddress& client);

}  // namespace sidelock
