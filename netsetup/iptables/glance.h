// Whether iptables holds rules of ours, for a process that has NET_ADMIN and not NET_RAW, which libiptc wants for a
// socket that the kernel does not ask for. Changes nothing and creates no table. Main thread only.
#pragma once

#include <optional>

namespace sidelock::iptables {

// Nothing when this process may not know: which tables there are is for root to read, and the tables for NET_ADMIN.
std::optional<bool> holds_ours();

}  // namespace sidelock::iptables
