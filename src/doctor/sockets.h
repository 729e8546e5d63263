// The TCP and UDP sockets of this network namespace that wait for somebody, and whose they are.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/address.h"

namespace sidelock {

struct WaitingSocket {
  Endpoint local;
  unsigned uid = 0;         // of who made it
  std::uint64_t inode = 0;  // as /proc/PID/fd names it
};

// From the text of /proc/net/tcp, tcp6, udp or udp6 (proc(5)): listening TCP sockets, or UDP sockets without a peer.
// Pure; lines that are not understood are left out.
std::vector<WaitingSocket> parse_socket_table(std::string_view text);

// Of this namespace, both families, sorted by port. Nothing where /proc does not tell.
std::vector<WaitingSocket> listening_tcp_sockets();
std::vector<WaitingSocket> waiting_udp_sockets();

}  // namespace sidelock
