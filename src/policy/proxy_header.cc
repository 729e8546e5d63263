// See proxy_header.h. Section numbers are those of proxy-protocol.txt.
#include "policy/proxy_header.h"

#include <string_view>

#include <fmt/format.h>

namespace sidelock {

namespace {

// 2.2, the registered types of values.
enum class Tlv : std::uint8_t {
  kAlpn = 0x01,
  kAuthority = 0x02,
  kUniqueId = 0x05,
  kSsl = 0x20,
  kSslVersion = 0x21,
  kSslCommonName = 0x22,
  kSslCipher = 0x23,
};

// 2.2.6, what the client showed.
constexpr std::uint8_t kClientSsl = 0x01;
constexpr std::uint8_t kClientCertificateOnConnection = 0x02;
constexpr std::uint8_t kClientCertificateInSession = 0x04;

// 2.2.6 wants any value but zero when no certificate was verified.
constexpr std::uint32_t kNothingVerified = 1;

// A longer one is malformed (RFC 5280, ub-common-name: 64). Cut, it would be another's name.
constexpr std::size_t kLongestCommonName = 256;

void append_byte(std::string& to, unsigned value) { to += static_cast<char>(value & 0xFFU); }

void append_short(std::string& to, std::size_t value) {
  append_byte(to, static_cast<unsigned>(value >> 8U));
  append_byte(to, static_cast<unsigned>(value));
}

void append_address(std::string& to, const IpAddress& address) {
  const std::size_t size = address.is_ipv4() ? 4 : 16;
  for (std::size_t i = 0; i < size; ++i) append_byte(to, address.bytes()[i]);
}

void append(std::string& to, Tlv type, std::string_view value) {
  append_byte(to, static_cast<std::uint8_t>(type));
  append_short(to, value.size());
  to += value;
}

void append_if_any(std::string& to, Tlv type, std::string_view value) {
  if (!value.empty()) append(to, type, value);
}

std::string ssl_value(const ProxiedTls& tls) {
  std::uint8_t client = kClientSsl;
  std::uint32_t verify = kNothingVerified;
  std::string_view common_name;
  if (tls.certificate) {
    // The session that begins on this connection has it too.
    client |= kClientCertificateInSession;
    if (!tls.certificate->is_from_session) client |= kClientCertificateOnConnection;
    verify = tls.certificate->verify_result;
    if (tls.certificate->common_name.size() <= kLongestCommonName) common_name = tls.certificate->common_name;
  }
  std::string value;
  append_byte(value, client);
  append_short(value, verify >> 16U);
  append_short(value, verify & 0xFFFFU);
  append(value, Tlv::kSslVersion, "TLSv" + tls.version);
  append_if_any(value, Tlv::kSslCommonName, common_name);
  append_if_any(value, Tlv::kSslCipher, tls.cipher);
  return value;
}

std::string text_header(const Endpoint& client, const Endpoint& destination) {
  if (client.address.family() != destination.address.family()) return "PROXY UNKNOWN\r\n";
  return fmt::format("PROXY {} {} {} {} {}\r\n", client.address.is_ipv4() ? "TCP4" : "TCP6", client.address.to_string(),
                     destination.address.to_string(), client.port, destination.port);
}

std::string binary_header(const ProxiedConnection& connection) {
  constexpr std::string_view kSignature{"\r\n\r\n\0\r\nQUIT\n", 12};
  constexpr std::uint8_t kVersion2Proxy = 0x21;
  constexpr std::uint8_t kUnspecified = 0x00;
  constexpr std::uint8_t kTcp4 = 0x11;
  constexpr std::uint8_t kTcp6 = 0x21;
  const Endpoint& client = connection.client.endpoint;
  const Endpoint& destination = connection.destination.endpoint;

  std::uint8_t family = kUnspecified;
  std::string rest;
  if (client.address.family() == destination.address.family()) {
    family = client.address.is_ipv4() ? kTcp4 : kTcp6;
    append_address(rest, client.address);
    append_address(rest, destination.address);
    append_short(rest, client.port);
    append_short(rest, destination.port);
  }
  if (connection.tls) {
    append_if_any(rest, Tlv::kAlpn, connection.tls->protocol);
    append_if_any(rest, Tlv::kAuthority, connection.tls->server_name);
  }
  append_if_any(rest, Tlv::kUniqueId, connection.unique_id);
  if (connection.tls) append(rest, Tlv::kSsl, ssl_value(*connection.tls));

  std::string header{kSignature};
  append_byte(header, kVersion2Proxy);
  append_byte(header, family);
  append_short(header, rest.size());
  return header + rest;
}

}  // namespace

std::string proxy_header(ProxyProtocol version, const ProxiedConnection& connection) {
  switch (version) {
    case ProxyProtocol::kV1: return text_header(connection.client.endpoint, connection.destination.endpoint);
    case ProxyProtocol::kV2: return binary_header(connection);
    case ProxyProtocol::kOff: break;
  }
  return {};
}

}  // namespace sidelock
