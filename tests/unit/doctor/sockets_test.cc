// The tables of /proc/net as the kernel writes them.
#include "doctor/sockets.h"

#include <gtest/gtest.h>

namespace sidelock {
namespace {

constexpr const char* kTcp =
    "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n"
    "   0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000  1000        0 4711 1 0000 100 0\n"
    "   1: 0100007F:1F90 0100007F:D431 01 00000000:00000000 00:00000000 00000000  1000        0 4712 1 0000 100 0\n";

TEST(SocketTable, HasTheListenersOfTcp) {
  const auto sockets = parse_socket_table(kTcp);
  ASSERT_EQ(sockets.size(), 1U);
  EXPECT_EQ(sockets[0].local.to_string(), "127.0.0.1:8080");
  EXPECT_EQ(sockets[0].uid, 1000U);
  EXPECT_EQ(sockets[0].inode, 4711U);
}

TEST(SocketTable, HasAddressesOfBothFamilies) {
  const auto sockets = parse_socket_table(
      "   0: 000077FD000000000000000002000000:01BB 00000000000000000000000000000000:0000 0A 0:0 00:0 0 0 0 5 1 0\n"
      "   1: 00000000000000000000000000000000:4A9C 00000000000000000000000000000000:0000 0A 0:0 00:0 0 0 0 6 1 0\n"
      "   2: 0000000000000000FFFF00000200A8C0:0050 00000000000000000000000000000000:0000 0A 0:0 00:0 0 0 0 7 1 0\n");
  ASSERT_EQ(sockets.size(), 3U);
  EXPECT_EQ(sockets[1].local.to_string(), "[::]:19100");
  EXPECT_EQ(sockets[2].local.to_string(), "192.168.0.2:80");
}

TEST(SocketTable, HasUdpSocketsWithoutAPeer) {
  const auto sockets = parse_socket_table("   0: 00000000:01BB 00000000:0000 07 0:0 00:0 0 0 0 5 2 0\n");
  ASSERT_EQ(sockets.size(), 1U);
  EXPECT_EQ(sockets[0].local.port, 443);
}

TEST(SocketTable, LeavesOutWhatItDoesNotUnderstand) {
  for (const char* text : {"", "\n\n", "0: xyz", "0: 0100007F 0 0A", "0: 0100007F:1F90 0 0A 0 0 0 nobody 0 1",
                           "0: 010000:1F90 0 0A 0 0 0 0 0 1", "0: 0100007G:1F90 0 0A 0 0 0 0 0 1"}) {
    EXPECT_TRUE(parse_socket_table(text).empty()) << text;
  }
}

}  // namespace
}  // namespace sidelock
