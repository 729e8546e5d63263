// A listener that is about to close, without any privilege: who is on the way gets in, who comes now is not reset.
#include <functional>
#include <thread>

#include <gtest/gtest.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>

#include "base/address.h"
#include "base/privileges.h"
#include "io/socket.h"

namespace sidelock {
namespace {

constexpr std::chrono::seconds kPatience{30};

// Capabilities are the thread's own.
void without_privileges(const std::function<void()>& action) {
  std::thread thread{[&] {
    drop_privileges();
    action();
  }};
  thread.join();
}

Fd new_socket(const IpAddress& address) {
  return Fd{check(::socket(address.family(), SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), "make a socket")};
}

Fd listen_at(const IpAddress& address, SocketAddress& bound) {
  Fd listener = new_socket(address);
  const SocketAddress any{Endpoint{address, 0}};
  check(::bind(listener.get(), any.get(), any.size()), "bind");
  check(::listen(listener.get(), 16), "listen");
  sockaddr_storage storage{};
  socklen_t size = sizeof storage;
  check(::getsockname(listener.get(), reinterpret_cast<sockaddr*>(&storage), &size), "ask for the port");
  bound = SocketAddress{Endpoint::from_sockaddr(storage)};
  return listener;
}

void begin_connect(int client, const SocketAddress& to) {
  ASSERT_TRUE(::connect(client, to.get(), to.size()) == -1 && errno == EINPROGRESS);
}

// While it is so, the client drops everything that comes for it.
void be_deaf(int client, bool is_deaf) {
  const int hops = is_deaf ? 255 : 0;
  ::setsockopt(client, IPPROTO_IP, IP_MINTTL, &hops, sizeof hops);
  ::setsockopt(client, IPPROTO_IPV6, IPV6_MINHOPCOUNT, &hops, sizeof hops);
}

tcp_info info_of(int socket) {
  tcp_info info{};
  socklen_t size = sizeof info;
  ::getsockopt(socket, IPPROTO_TCP, TCP_INFO, &info, &size);
  return info;
}

void wait_until(const std::function<bool()>& condition) {
  const auto end = std::chrono::steady_clock::now() + kPatience;
  while (!condition()) {
    ASSERT_LT(std::chrono::steady_clock::now(), end);
    std::this_thread::yield();
  }
}

class Listener : public testing::TestWithParam<const char*> {};

TEST_P(Listener, TakesWhoIsOnTheWayAndDropsNewRequests) {
  without_privileges([] {
    Reactor reactor;
    SocketAddress address{Endpoint{}};
    Socket listener{listen_at(*IpAddress::parse(GetParam()), address), reactor};

    const Fd under_way = new_socket(*IpAddress::parse(GetParam()));
    be_deaf(under_way.get(), true);
    begin_connect(under_way.get(), address);
    // The answer came, and came to nothing: the request waits in the kernel for the third segment.
    Fd accepted;
    Endpoint peer;
    EXPECT_EQ(listener.accept(accepted, peer), Io::kWouldBlock);

    listener.drop_new_requests();
    const Fd late = new_socket(*IpAddress::parse(GetParam()));
    begin_connect(late.get(), address);
    be_deaf(under_way.get(), false);
    wait_until([&] { return listener.accept(accepted, peer) == Io::kDone; });
    sockaddr_storage own{};
    socklen_t size = sizeof own;
    ::getsockname(under_way.get(), reinterpret_cast<sockaddr*>(&own), &size);
    EXPECT_EQ(peer.to_string(), Endpoint::from_sockaddr(own).to_string());

    // It hears what comes after the handshake.
    char byte = 0;
    for (int i = 0; i < 3; ++i) {
      ASSERT_EQ(::send(under_way.get(), "x", 1, MSG_NOSIGNAL), 1);
      wait_until([&] { return ::recv(accepted.get(), &byte, 1, 0) == 1; });
    }

    wait_until([&] { return info_of(late.get()).tcpi_total_retrans > 0; });
    EXPECT_EQ(info_of(late.get()).tcpi_state, TCP_SYN_SENT);
    EXPECT_EQ(listener.accept(accepted, peer), Io::kWouldBlock);
    listener.close();
    // Only now it is refused, as by any port that nobody listens on.
    pollfd end{late.get(), POLLOUT, 0};
    ASSERT_EQ(::poll(&end, 1, static_cast<int>(std::chrono::milliseconds{kPatience}.count())), 1);
    int error = 0;
    size = sizeof error;
    ::getsockopt(late.get(), SOL_SOCKET, SO_ERROR, &error, &size);
    EXPECT_EQ(error, ECONNREFUSED);
  });
}

INSTANTIATE_TEST_SUITE_P(BothFamilies, Listener, testing::Values("127.0.0.1", "::1"),
                         [](const auto& parameter) { return std::string{parameter.index == 0 ? "IPv4" : "IPv6"}; });

}  // namespace
}  // namespace sidelock
