// See peer.h.
#include "support/peer.h"

#include <cerrno>
#include <string>
#include <thread>

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sched.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "support/shell.h"

namespace sidelock::test {

namespace {

// A thread moves and ends; the others, and what they look at below /proc, stay where they are.
Fd in_thread(const std::function<int()>& make) {
  Fd made;
  std::thread{[&] { made = Fd{make()}; }}.join();
  EXPECT_TRUE(made);
  return made;
}

Fd new_namespace() {
  return in_thread(
      [] { return ::unshare(CLONE_NEWNET) == 0 ? ::open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC) : -1; });
}

// Without nodad an IPv6 address is unusable for the first second or two. A little later than "up" the kernel notices
// the carrier; what is sent before is lost, and sent again after a second.
std::string set_up(const std::string& ipv4, const std::string& ipv6) {
  return "ip addr add " + ipv4 + "/24 dev eth0 && ip addr add " + ipv6 + "/64 dev eth0 nodad && ip link set eth0 up";
}
constexpr const char* kWaitForCarrier =
    "timeout 30 sh -c 'until ip -oneline link show eth0 | grep --quiet state.UP; do :; done'";

}  // namespace

Peer::Peer() : namespace_{new_namespace()} {
  const std::string path = "/proc/" + std::to_string(::getpid()) + "/fd/" + std::to_string(namespace_.get());
  const auto beside = [&path](const std::string& commands) {
    output_of("nsenter --net=" + path + " sh -c \"" + commands + '"');
  };
  output_of("ip link add eth0 type veth peer name eth0 netns " + path);
  output_of(set_up(kOwnIpv4, kOwnIpv6));
  beside(set_up(kPeerIpv4, kPeerIpv6));
  output_of(kWaitForCarrier);
  beside(kWaitForCarrier);
}

int Peer::connect(const Endpoint& destination) const {
  const Fd socket = in_thread([&] {
    const bool is_inside = ::setns(namespace_.get(), CLONE_NEWNET) == 0;
    return is_inside ? ::socket(destination.address.family(), SOCK_STREAM | SOCK_CLOEXEC, 0) : -1;
  });
  const timeval limit{10, 0};
  EXPECT_EQ(::setsockopt(socket.get(), SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit), 0);
  const SocketAddress address{destination};
  return ::connect(socket.get(), address.get(), address.size()) == 0 ? 0 : errno;
}

}  // namespace sidelock::test
