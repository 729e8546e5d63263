// What is counted about the connections of one port, for the metrics: every list of names is fixed, so that nothing
// that a client says can add to it.
#pragma once

#include <array>
#include <cerrno>
#include <string_view>
#include <vector>

#include "base/counters.h"
#include "config/settings.h"
#include "proxy/outcome.h"
#include "tls/stream.h"

namespace sidelock {

inline constexpr std::array<std::string_view, 2> kVersionNames{"1.2", "1.3"};
// "": none was negotiated, as in a resumed TLS 1.2 session. Names as OpenSSL tells them; letters count as one whether
// small or large, since its versions differ there.
inline constexpr std::array<std::string_view, 8> kGroupNames{
    "", "x25519", "secp256r1", "secp384r1", "secp521r1", "x448", "X25519MLKEM768", "SecP256r1MLKEM768"};
inline constexpr std::array<std::string_view, 9> kCipherNames{"TLS_AES_128_GCM_SHA256",
                                                              "TLS_AES_256_GCM_SHA384",
                                                              "TLS_CHACHA20_POLY1305_SHA256",
                                                              "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256",
                                                              "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256",
                                                              "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384",
                                                              "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384",
                                                              "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256",
                                                              "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256"};
inline constexpr std::array kConnectErrors{ECONNREFUSED, ECONNRESET, ETIMEDOUT,    EHOSTUNREACH, ENETUNREACH,
                                           EACCES,       EPERM,      EINVAL,       EMFILE,       ENFILE,
                                           ENOBUFS,      ENOMEM,     EADDRNOTAVAIL};
inline constexpr std::string_view kOtherName = "other";  // what is in none of these

// One worker's, for one port. An own cache line at the ends, so that workers do not meet.
struct alignas(64) PortCounters {
  // Handshakes that were finished, by what was agreed on.
  using Handshakes = std::array<std::array<std::array<Counter, 2>, kGroupNames.size() + 1>, kVersionNames.size() + 1>;

  void note_handshake(const TlsFacts& agreed, std::chrono::nanoseconds duration) noexcept;
  void note_connect_error(int error) noexcept;

  Counter accepted;
  Counter open;
  std::array<Counter, kOutcomeNames.size()> closed;
  Counter received_from_client;  // application bytes, as all of these
  Counter sent_to_client;
  Counter received_from_app;
  Counter sent_to_app;
  Handshakes handshakes;  // [version][group][is resumed]
  std::array<Counter, kCipherNames.size() + 1> ciphers;
  DurationCounter handshake_duration;  // from the whole ClientHello on, so that a client that waits does not count
  DurationCounter connect_duration;    // to the app, when it succeeded
  std::array<Counter, kConnectErrors.size() + 1> connect_errors;
  // Let through without TLS by --plaintext allow. Once it has stood still for long enough, nobody needs that any more.
  Counter plaintext;
  // Connections to the app that --preserve-source prefer could not make from the client's address.
  Counter lost_sources;
};

// Which counters a connection counts in. Immutable.
class PortIndex {
 public:
  // More ports than this share one label: the list of series is to stay readable, and memory small.
  static constexpr std::size_t kMostLabels = 256;
  // Connections that are no port's, and those of all ports when there are too many.
  static constexpr std::size_t kOther = 0;

  explicit PortIndex(const Settings& settings);

  [[nodiscard]] std::size_t of_listener(const ExplicitListener& listener) const noexcept;
  [[nodiscard]] std::size_t of_captured(std::uint16_t port) const noexcept;  // kOther when it is not configured
  [[nodiscard]] std::size_t size() const noexcept { return labels_.size(); }
  [[nodiscard]] const std::vector<std::string>& labels() const noexcept { return labels_; }

 private:
  const Settings& settings_;
  std::vector<std::string> labels_{std::string{kOtherName}};
  std::vector<std::size_t> of_listeners_;  // two pairs of --listen with the same port share one
};

}  // namespace sidelock
