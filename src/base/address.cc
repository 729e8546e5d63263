// Address parsing and printing; see address.h.
#include "base/address.h"

#include <algorithm>
#include <charconv>
#include <cstring>

#include <arpa/inet.h>

namespace sidelock {

IpAddress::IpAddress(const in_addr& address) noexcept { std::memcpy(bytes_.data(), &address, sizeof address); }

IpAddress::IpAddress(const in6_addr& address, std::uint32_t scope) noexcept {
  if (IN6_IS_ADDR_V4MAPPED(&address)) {
    std::memcpy(bytes_.data(), &address.s6_addr[12], 4);
    return;
  }
  family_ = AF_INET6;
  std::memcpy(bytes_.data(), &address, sizeof address);
  if (is_link_local()) scope_ = scope;
}

std::optional<IpAddress> IpAddress::parse(std::string_view text) {
  if (text.size() > 2 && text.front() == '[' && text.back() == ']') {
    text = text.substr(1, text.size() - 2);
    if (text.find(':') == std::string_view::npos) return std::nullopt;
  }
  const std::string copy{text};
  in_addr v4{};
  if (::inet_pton(AF_INET, copy.c_str(), &v4) == 1) return IpAddress{v4};
  in6_addr v6{};
  if (::inet_pton(AF_INET6, copy.c_str(), &v6) == 1) return IpAddress{v6};
  return std::nullopt;
}

IpAddress IpAddress::loopback(int family) {
  if (family == AF_INET6) return IpAddress{in6addr_loopback};
  return IpAddress{in_addr{htonl(INADDR_LOOPBACK)}};
}

IpAddress IpAddress::any(int family) {
  if (family == AF_INET6) return IpAddress{in6addr_any};
  return {};
}

bool IpAddress::is_loopback() const noexcept {
  if (is_ipv4()) return bytes_[0] == 127;
  const in6_addr v6 = as_in6_addr();
  return IN6_IS_ADDR_LOOPBACK(&v6);
}

bool IpAddress::is_unspecified() const noexcept {
  return std::ranges::all_of(bytes_, [](std::uint8_t byte) { return byte == 0; });
}

bool IpAddress::is_multicast() const noexcept { return is_ipv4() ? (bytes_[0] & 0xf0) == 0xe0 : bytes_[0] == 0xff; }

bool IpAddress::is_link_local() const noexcept {
  return is_ipv4() ? bytes_[0] == 169 && bytes_[1] == 254 : bytes_[0] == 0xfe && (bytes_[1] & 0xc0) == 0x80;
}

in_addr IpAddress::as_in_addr() const noexcept {
  in_addr v4{};
  std::memcpy(&v4, bytes_.data(), sizeof v4);
  return v4;
}

in6_addr IpAddress::as_in6_addr() const noexcept {
  in6_addr v6{};
  if (is_ipv4()) {
    v6.s6_addr[10] = v6.s6_addr[11] = 0xff;
    std::memcpy(&v6.s6_addr[12], bytes_.data(), 4);
  } else {
    std::memcpy(&v6, bytes_.data(), sizeof v6);
  }
  return v6;
}

std::string IpAddress::to_string() const {
  std::array<char, INET6_ADDRSTRLEN> text{};
  ::inet_ntop(family_, bytes_.data(), text.data(), text.size());
  return text.data();
}

std::optional<Cidr> Cidr::parse(std::string_view text) {
  const std::size_t slash = text.find('/');
  const auto address = IpAddress::parse(text.substr(0, slash));
  if (!address) return std::nullopt;
  const unsigned bits = address->is_ipv4() ? 32 : 128;
  unsigned prefix = bits;
  if (slash != std::string_view::npos) {
    const std::string_view digits = text.substr(slash + 1);
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), prefix);
    if (error != std::errc{} || end != digits.data() + digits.size() || prefix > bits) return std::nullopt;
  }
  std::array<std::uint8_t, 16> bytes = address->bytes();
  for (unsigned bit = prefix; bit < bits; ++bit) bytes[bit / 8] &= static_cast<std::uint8_t>(~(0x80U >> (bit % 8)));
  if (address->is_ipv4()) {
    in_addr v4{};
    std::memcpy(&v4, bytes.data(), sizeof v4);
    return Cidr{IpAddress{v4}, prefix};
  }
  in6_addr v6{};
  std::memcpy(&v6, bytes.data(), sizeof v6);
  return Cidr{IpAddress{v6}, prefix};
}

bool Cidr::contains(const IpAddress& address) const noexcept {
  if (address.family() != network.family()) return false;
  for (unsigned bit = 0; bit < prefix; ++bit) {
    const auto mask = static_cast<std::uint8_t>(0x80U >> (bit % 8));
    if ((address.bytes()[bit / 8] & mask) != (network.bytes()[bit / 8] & mask)) return false;
  }
  return true;
}

std::string Cidr::to_string() const { return network.to_string() + '/' + std::to_string(prefix); }

Endpoint Endpoint::from_sockaddr(const sockaddr_storage& storage) noexcept {
  if (storage.ss_family == AF_INET) {
    sockaddr_in v4{};
    std::memcpy(&v4, &storage, sizeof v4);
    return {IpAddress{v4.sin_addr}, ntohs(v4.sin_port)};
  }
  if (storage.ss_family == AF_INET6) {
    sockaddr_in6 v6{};
    std::memcpy(&v6, &storage, sizeof v6);
    return {IpAddress{v6.sin6_addr, v6.sin6_scope_id}, ntohs(v6.sin6_port)};
  }
  return {};
}

std::string Endpoint::to_string() const {
  const std::string host = address.is_ipv4() ? address.to_string() : '[' + address.to_string() + ']';
  return host + ':' + std::to_string(port);
}

SocketAddress::SocketAddress(const Endpoint& endpoint) noexcept {
  if (!endpoint.address.is_ipv4()) {
    *this = as_ipv6(endpoint);
    return;
  }
  sockaddr_in v4{};
  v4.sin_family = AF_INET;
  v4.sin_addr = endpoint.address.as_in_addr();
  v4.sin_port = htons(endpoint.port);
  std::memcpy(&storage_, &v4, sizeof v4);
  size_ = sizeof v4;
}

SocketAddress SocketAddress::as_ipv6(const Endpoint& endpoint) noexcept {
  SocketAddress result;
  sockaddr_in6 v6{};
  v6.sin6_family = AF_INET6;
  v6.sin6_addr = endpoint.address.as_in6_addr();
  v6.sin6_port = htons(endpoint.port);
  v6.sin6_scope_id = endpoint.address.scope();
  std::memcpy(&result.storage_, &v6, sizeof v6);
  result.size_ = sizeof v6;
  return result;
}

}  // namespace sidelock
