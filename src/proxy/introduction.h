// What the app is told about the client before its first byte.
#pragma once

#include <string>

#include "proxy/connection.h"

namespace sidelock {

// The PROXY protocol header of the connection's policy; empty when it asks for none. Version 2 gives the connection a
// unique id, which the access log repeats. After the handshake.
std::string introduction(Connection& connection);

}  // namespace sidelock
