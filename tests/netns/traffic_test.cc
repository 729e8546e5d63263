// Packets, not only rules: the probe port leads to the first capture port, and says where it came from.
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>

// The kernel's header makes room for the C library's only when it comes after it.
#include <linux/netfilter_ipv4.h>

#include "base/address.h"
#include "base/fd.h"
#include "config/capture_contract.h"
#include "netsetup/choice.h"
#include "netsetup/init.h"
#include "support/capture_settings.h"
#include "support/namespace.h"

namespace sidelock {
namespace {

class Traffic : public test::NamespaceTest {};

Fd listen_on(const Endpoint& endpoint) {
  Fd socket{::socket(endpoint.address.family(), SOCK_STREAM | SOCK_CLOEXEC, 0)};
  const SocketAddress address{endpoint};
  const int on = 1;
  EXPECT_EQ(::setsockopt(socket.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on), 0);
  EXPECT_EQ(::bind(socket.get(), address.get(), address.size()), 0);
  EXPECT_EQ(::listen(socket.get(), 8), 0);
  return socket;
}

Endpoint original_destination(const Fd& socket, int family) {
  sockaddr_storage storage{};
  socklen_t size = sizeof storage;
  const int level = family == AF_INET ? SOL_IP : SOL_IPV6;
  EXPECT_EQ(::getsockopt(socket.get(), level, SO_ORIGINAL_DST, &storage, &size), 0);
  return Endpoint::from_sockaddr(storage);
}

void expect_probe_arrives(const CaptureSettings& settings, int family) {
  const Fd listener = listen_on({IpAddress::any(family), settings.capture_port_base});
  const Endpoint probe{IpAddress::loopback(family), probe_port(settings)};
  const SocketAddress address{probe};
  const Fd client{::socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0)};
  ASSERT_EQ(::connect(client.get(), address.get(), address.size()), 0);
  const Fd accepted{::accept4(listener.get(), nullptr, nullptr, SOCK_CLOEXEC)};
  EXPECT_EQ(original_destination(accepted, family).port, probe.port);
}

std::uint64_t packets_of_probe(const TablePlan& nat) {
  return std::ranges::find(nat.hooks, "OUTPUT", &Hook::chain)->rule.counters.packets;
}

TEST_F(Traffic, ToTheProbePortArrivesAtTheFirstCapturePort) {
  CaptureSettings settings = test::capture({{80, 80}, {443, 443}});
  for (const auto choice : {BackendChoice::kIptables, BackendChoice::kNftables}) {
    settings.backend = choice;
    install_capture(settings);
    for (const int family : {AF_INET, AF_INET6}) expect_probe_arrives(settings, family);
  }
  const auto backend = make_backend(BackendKind::kNftables, std::chrono::seconds{1});
  EXPECT_EQ(packets_of_probe(backend->read().families[0].tables[2]), 2U);
}

TEST_F(Traffic, IsCountedByIptables) {
  CaptureSettings settings = test::capture_port(80);
  settings.backend = BackendChoice::kIptables;
  install_capture(settings);
  expect_probe_arrives(settings, AF_INET);
  const auto backend = make_backend(BackendKind::kIptables, std::chrono::seconds{1});
  EXPECT_EQ(packets_of_probe(backend->read().families[0].tables[2]), 1U);
}

}  // namespace
}  // namespace sidelock
