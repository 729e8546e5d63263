// Looks at a connection's first bytes without consuming them: is this TLS, and is the ClientHello whole? Pure.
// A handshake is begun only with a whole ClientHello, so that a client that sends nothing, or little, costs little.
#pragma once

#include <cstddef>
#include <span>

namespace sidelock {

enum class HelloState {
  kIncomplete,
  kWhole,      // or nothing that more bytes would make better: OpenSSL answers it with the proper alert
  kTooLong,    // longer than kLongestClientHello, or claims to be: not worth waiting for
  kPlaintext,  // the first byte is not that of a TLS handshake record (RFC 8446, 5.1)
};

// More than this is never waited for; an ordinary ClientHello has 200 to 2,000 bytes.
inline constexpr std::size_t kLongestClientHello = std::size_t{16} * 1024;

HelloState inspect_client_hello(std::span<const std::byte> bytes);

}  // namespace sidelock
