// See secret_tap.h.
#include "tls/secret_tap.h"

#include <optional>
#include <string_view>

#include <openssl/crypto.h>

namespace sidelock {

namespace {

std::optional<unsigned char> digit(char character) noexcept {
  if (character >= '0' && character <= '9') return static_cast<unsigned char>(character - '0');
  if (character >= 'a' && character <= 'f') return static_cast<unsigned char>(character - 'a' + 10);
  return std::nullopt;
}

// None for anything but digits.
TrafficSecret secret_of(std::string_view text) noexcept {
  std::array<unsigned char, TrafficSecret::kSha384> bytes{};
  std::size_t count = 0;
  for (; count < bytes.size() && 2 * count + 1 < text.size(); ++count) {
    const auto high = digit(text[2 * count]);
    const auto low = digit(text[2 * count + 1]);
    if (!high || !low) break;
    bytes[count] = static_cast<unsigned char>(*high << 4U | *low);
  }
  const TrafficSecret made{std::span{bytes}.first(2 * count == text.size() ? count : 0)};
  ::OPENSSL_cleanse(bytes.data(), bytes.size());
  return made;
}

// "LABEL client-random secret", the last two in hexadecimal digits.
void on_line(const SSL* ssl, const char* text) noexcept {
  auto* const secrets = static_cast<TrafficSecrets*>(SSL_get_app_data(ssl));
  if (secrets == nullptr) return;
  const std::string_view line{text};
  const std::string_view label = line.substr(0, line.find(' '));
  const std::string_view secret = line.substr(line.rfind(' ') + 1);
  if (label == "CLIENT_TRAFFIC_SECRET_0") secrets->client = secret_of(secret);
  if (label == "SERVER_TRAFFIC_SECRET_0") secrets->server = secret_of(secret);
}

}  // namespace

void connect_tap(SSL* ssl, TrafficSecrets* secrets) noexcept { SSL_set_app_data(ssl, secrets); }

void open_tap(SSL* ssl) noexcept { ::SSL_CTX_set_keylog_callback(::SSL_get_SSL_CTX(ssl), on_line); }

void close_tap(SSL* ssl) noexcept { ::SSL_CTX_set_keylog_callback(::SSL_get_SSL_CTX(ssl), nullptr); }

}  // namespace sidelock
