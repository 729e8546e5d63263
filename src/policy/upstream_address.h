// Where the app is dialled for a connection. Pure.
#pragma once

#include "base/address.h"
#include "config/settings.h"

namespace sidelock {

// `destination` is where the client wanted to go (under --capture none: where it connected to). Never a silent
// fallback: each mode has exactly one answer.
AppAddress upstream_address(const PortPolicy& policy, const OriginalDestination& destination);

// Whether a connection over loopback can come from this client's address. Not from a link-local IPv6 one: it belongs to
// one interface, and that is not lo.
bool can_preserve(const ClientAddress& client) noexcept;

}  // namespace sidelock
