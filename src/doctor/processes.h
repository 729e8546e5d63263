// Which process holds a socket, as far as this process may see.
#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "doctor/sockets.h"

namespace sidelock {

struct SocketOwner {
  std::string name;  // "nginx (pid 7)"
  bool is_sidelock = false;
};

using SocketOwners = std::map<std::uint64_t, SocketOwner>;  // by the socket's inode

// By /proc/PID/fd. Processes of other containers and of other users are not seen.
SocketOwners socket_owners();

// "nginx (pid 7)", or "a process of uid 1000" where it is not seen.
std::string holder_of(const WaitingSocket& socket, const SocketOwners& owners);

}  // namespace sidelock
