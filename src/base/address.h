// IP addresses, socket addresses and address blocks, with their text; the roles an address plays get types of their
// own. Values: freely copied, no ownership, safe to read from any thread.
#pragma once

#include <array>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include <netinet/in.h>
#include <sys/socket.h>

namespace sidelock {

// An IPv4 or IPv6 address. An IPv4-mapped IPv6 address is never kept as such: the constructors unmap it, so that
// 192.0.2.1 and ::ffff:192.0.2.1 compare equal.
class IpAddress {
 public:
  IpAddress() noexcept = default;  // 0.0.0.0
  explicit IpAddress(const in_addr& address) noexcept;
  explicit IpAddress(const in6_addr& address, std::uint32_t scope = 0) noexcept;

  // Parses "192.0.2.1", "2001:db8::1", "[2001:db8::1]"; nothing for anything else (host names, zones, ports).
  static std::optional<IpAddress> parse(std::string_view text);
  static IpAddress loopback(int family);  // 127.0.0.1 or ::1
  static IpAddress any(int family);       // 0.0.0.0 or ::

  [[nodiscard]] int family() const noexcept { return family_; }  // AF_INET or AF_INET6
  [[nodiscard]] bool is_ipv4() const noexcept { return family_ == AF_INET; }
  [[nodiscard]] bool is_loopback() const noexcept;      // 127.0.0.0/8, ::1
  [[nodiscard]] bool is_unspecified() const noexcept;   // 0.0.0.0, ::
  [[nodiscard]] bool is_multicast() const noexcept;     // 224.0.0.0/4, ff00::/8
  [[nodiscard]] bool is_link_local() const noexcept;    // 169.254.0.0/16, fe80::/10
  [[nodiscard]] in_addr as_in_addr() const noexcept;    // only for IPv4
  [[nodiscard]] in6_addr as_in6_addr() const noexcept;  // IPv4 as ::ffff:a.b.c.d
  [[nodiscard]] std::uint32_t scope() const noexcept { return scope_; }
  [[nodiscard]] const std::array<std::uint8_t, 16>& bytes() const noexcept { return bytes_; }
  [[nodiscard]] std::string to_string() const;  // "192.0.2.1", "2001:db8::1"

  friend auto operator<=>(const IpAddress&, const IpAddress&) noexcept = default;

 private:
  int family_ = AF_INET;
  std::array<std::uint8_t, 16> bytes_{};  // IPv4 in the first four, network order
  std::uint32_t scope_ = 0;               // interface index of a link-local IPv6 address
};

// An address block such as 10.0.0.0/8. The bits behind the prefix are zero.
struct Cidr {
  IpAddress network;
  unsigned prefix = 0;

  // Parses "10.0.0.0/8", "fd00::/8", or an address alone (a /32 or /128); nothing when it is malformed or the prefix
  // too long.
  static std::optional<Cidr> parse(std::string_view text);
  [[nodiscard]] bool contains(const IpAddress& address) const noexcept;
  [[nodiscard]] std::string to_string() const;

  friend auto operator<=>(const Cidr&, const Cidr&) noexcept = default;
};

// An address and a TCP port (host order).
struct Endpoint {
  IpAddress address;
  std::uint16_t port = 0;

  // From a kernel-filled sockaddr of AF_INET or AF_INET6; anything else becomes 0.0.0.0:0.
  static Endpoint from_sockaddr(const sockaddr_storage& storage) noexcept;
  [[nodiscard]] std::string to_string() const;  // "192.0.2.1:80", "[2001:db8::1]:80"

  friend auto operator<=>(const Endpoint&, const Endpoint&) noexcept = default;
};

// A sockaddr ready for bind() and connect(). An AF_INET6 form of an IPv4 endpoint is v4-mapped (for dual-stack
// sockets).
class SocketAddress {
 public:
  explicit SocketAddress(const Endpoint& endpoint) noexcept;
  static SocketAddress as_ipv6(const Endpoint& endpoint) noexcept;
  [[nodiscard]] const sockaddr* get() const noexcept { return reinterpret_cast<const sockaddr*>(&storage_); }
  [[nodiscard]] socklen_t size() const noexcept { return size_; }
  [[nodiscard]] int family() const noexcept { return storage_.ss_family; }

 private:
  SocketAddress() noexcept = default;
  sockaddr_storage storage_{};
  socklen_t size_ = 0;
};

// Roles. Two of them cannot be swapped by accident.
struct ClientAddress {
  Endpoint endpoint;
};  // who connected
struct OriginalDestination {
  Endpoint endpoint;
};  // where the client wanted to go
struct AppAddress {
  Endpoint endpoint;
};  // where the app is dialled

}  // namespace sidelock

template <>
struct std::hash<sidelock::IpAddress> {
  std::size_t operator()(const sidelock::IpAddress& address) const noexcept {
    return std::hash<std::string_view>{}(
        {reinterpret_cast<const char*>(address.bytes().data()), address.bytes().size()});
  }
};
