// Which process holds a socket, as far as this process may see.
#pragma once

#include <cstdint>
#include <map>
#include <string>

namespace sidelock {

struct SocketOwner {
  std::string name;  // "nginx (pid 7)"
  bool is_sidelock = false;
};

// By /proc/PID/fd: inode of the socket -> its holder. Processes of other containers and of other users are not seen.
std::map<std::uint64_t, SocketOwner> socket_owners();

}  // namespace sidelock
