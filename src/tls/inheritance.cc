// See inheritance.h.
#include "tls/inheritance.h"

#include "tls/client_hello.h"
#include "tls/error.h"

namespace sidelock {

namespace {

// With room for the rest of a ClientHello.
constexpr std::size_t kLongestTicket = kLongestClientHello - 4096;

std::uint64_t count_records(std::span<const std::byte> bytes) {
  std::uint64_t count = 0;
  while (!bytes.empty()) {
    bytes = bytes.subspan(RecordProtection::record_size(bytes));
    ++count;
  }
  return count;
}

// A client with little memory may ask for that (RFC 6066, 4), and OpenSSL grants it.
bool has_short_records(const SSL* ssl) {
  const int mode = ::SSL_SESSION_get_max_fragment_length(::SSL_get_session(ssl));
  return mode >= TLSEXT_max_fragment_length_512 && mode <= TLSEXT_max_fragment_length_4096;
}

}  // namespace

std::optional<Inheritance> inherit(SSL* ssl, const TrafficSecrets& secrets, Transport& transport, bool is_ticket_due) {
  const SSL_CIPHER* const cipher = ::SSL_get_current_cipher(ssl);
  const auto suite = cipher != nullptr ? suite_of(::SSL_CIPHER_get_protocol_id(cipher)) : std::nullopt;
  const bool is_possible = ::SSL_version(ssl) == TLS1_3_VERSION && suite && secrets.is_whole() &&
                           secrets.client.size() == suite->hash_size && ::SSL_has_pending(ssl) == 0 &&
                           !transport.is_inside_record() && !has_short_records(ssl);
  if (!is_possible) return std::nullopt;
  const bool is_ticket_made = is_ticket_due && ::SSL_new_session_ticket(ssl) == 1 && ::SSL_do_handshake(ssl) == 1;
  forget_openssl_errors();
  const std::span<const std::byte> tickets = transport.take_gathered();
  // The client goes without one that has failed, and without one that would make its next ClientHello longer than we
  // take. Nobody has seen what was sealed, so the first record may be sealed once more.
  if (!is_ticket_made || tickets.size() > kLongestTicket) return Inheritance{*suite, secrets, {}, 0};
  return Inheritance{*suite, secrets, {tickets.begin(), tickets.end()}, count_records(tickets)};
}

}  // namespace sidelock
