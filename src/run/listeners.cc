// See listeners.h.
#include "run/listeners.h"

#include <cstring>

#include <fmt/format.h>
#include <sys/socket.h>

#include "base/error.h"
#include "base/interfaces.h"
#include "config/capture_contract.h"
#include "proxy/upstream.h"

namespace sidelock {

namespace {

constexpr int kBacklog = 4096;  // the kernel caps it at net.core.somaxconn

void set_option(int socket, int level, int option, int value, const char* what) {
  check(::setsockopt(socket, level, option, &value, sizeof value), what);
}

[[noreturn]] void cannot_listen(const Endpoint& endpoint, int error) {
  const ExitCode code = error == EACCES || error == EPERM ? ExitCode::kMissingPermission : ExitCode::kFailure;
  throw Failure{code, fmt::format("cannot listen on {}: {}", endpoint.to_string(), std::strerror(error))};
}

// Without this the kernel drops what TPROXY hands to the socket (ip(7), IP_TRANSPARENT). Both levels, because a socket
// of both families keeps the permission for each family by itself.
void make_transparent(int socket, bool is_ipv6) {
  set_option(socket, IPPROTO_IP, IP_TRANSPARENT, 1, "make the listener transparent, which needs NET_RAW");
  if (is_ipv6)
    set_option(socket, IPPROTO_IPV6, IPV6_TRANSPARENT, 1, "make the listener transparent, which needs NET_RAW");
}

// `address` none: every address of both families, or of IPv4 alone where the kernel has no IPv6.
Fd open_listener(const std::optional<IpAddress>& address, std::uint16_t port, bool is_shared,
                 const Settings& settings) {
  Endpoint endpoint{address.value_or(IpAddress::any(AF_INET6)), port};
  Fd fd{::socket(endpoint.address.family(), SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)};
  if (!fd && errno == EAFNOSUPPORT && !address) {
    endpoint.address = IpAddress::any(AF_INET);
    fd.reset(::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  }
  if (!fd) cannot_listen(endpoint, errno);
  if (!endpoint.address.is_ipv4()) {
    set_option(fd.get(), IPPROTO_IPV6, IPV6_V6ONLY, address ? 1 : 0, "choose the listener's families");
  }
  set_option(fd.get(), SOL_SOCKET, SO_REUSEADDR, 1, "allow the port to be used again");
  if (is_shared) set_option(fd.get(), SOL_SOCKET, SO_REUSEPORT, 1, "share the port among workers");
  set_stream_options(fd.get());
  set_keepalive(fd.get(), settings.limits);
  if (settings.capture.mode == CaptureMode::kTproxy) make_transparent(fd.get(), !endpoint.address.is_ipv4());
  const SocketAddress local{endpoint};
  if (::bind(fd.get(), local.get(), local.size()) != 0 || ::listen(fd.get(), kBacklog) != 0)
    cannot_listen(endpoint, errno);
  return fd;
}

std::vector<ListeningSocket> open_for_one(const Settings& settings, bool is_shared) {
  std::vector<ListeningSocket> listeners;
  for (const ExplicitListener& pair : settings.listeners) {
    listeners.push_back({open_listener(pair.address, pair.port, is_shared, settings), &pair});
  }
  const std::size_t capture_ports =
      settings.capture.mode == CaptureMode::kNone ? 0 : count_capture_ports(settings.capture);
  for (std::size_t i = 0; i < capture_ports; ++i) {
    const auto port = static_cast<std::uint16_t>(settings.capture.capture_port_base + i);
    listeners.push_back({open_listener(std::nullopt, port, is_shared, settings), nullptr});
  }
  return listeners;
}

}  // namespace

std::vector<std::vector<ListeningSocket>> open_listeners(const Settings& settings, std::size_t workers) {
  std::vector<std::vector<ListeningSocket>> all;
  // Shared ports would be joined silently by a second sidelock; opened alone first, they are found to be in use.
  if (workers > 1) open_for_one(settings, false);
  for (std::size_t i = 0; i < workers; ++i) all.push_back(open_for_one(settings, workers > 1));
  return all;
}

Fd open_admin_listener(std::string_view setting, const Endpoint& endpoint) {
  const bool is_any = endpoint.address == IpAddress::any(AF_INET6);
  IpAddress address = endpoint.address;
  if (address == IpAddress::loopback(AF_INET) && !has_loopback(AF_INET)) address = IpAddress::loopback(AF_INET6);
  try {
    return open_listener(is_any ? std::nullopt : std::optional{address}, endpoint.port, false, Settings{});
  } catch (const Failure& failure) {
    throw Failure{failure.code(), fmt::format("{}: {}", setting, failure.what())};
  }
}

}  // namespace sidelock
