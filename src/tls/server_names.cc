// See server_names.h.
#include "tls/server_names.h"

#include <optional>
#include <string>
#include <utility>

#include "tls/error.h"

namespace sidelock {

namespace {

// The one host name of the extension, or nothing: a malformed one is OpenSSL's to refuse.
std::optional<std::string_view> host_name_in(SSL* ssl) {
  const unsigned char* bytes = nullptr;
  std::size_t size = 0;
  if (::SSL_client_hello_get0_ext(ssl, TLSEXT_TYPE_server_name, &bytes, &size) != 1) return std::nullopt;
  const std::string_view extension{reinterpret_cast<const char*>(bytes), size};
  constexpr std::size_t kHeader = 5;  // the list's length, the kind of name, the name's length
  if (size <= kHeader || bytes[2] != TLSEXT_NAMETYPE_host_name) return std::nullopt;
  const std::size_t length = std::size_t{bytes[3]} << 8U | bytes[4];
  if (length != size - kHeader) return std::nullopt;
  return extension.substr(kHeader);
}

}  // namespace

ServerNames::ServerNames(CredentialChoice choice, std::vector<SslContextPtr> contexts, bool is_strict)
    : choice_{std::move(choice)}, contexts_{std::move(contexts)}, is_strict_{is_strict} {}

void ServerNames::install(SSL_CTX* context) { ::SSL_CTX_set_client_hello_cb(context, on_client_hello, this); }

// SSL_CTX_set_client_hello_cb(3).
int ServerNames::on_client_hello(SSL* ssl, int* alert, void* self) {
  const auto& names = *static_cast<const ServerNames*>(self);
  const auto name = host_name_in(ssl);
  if (!name) return SSL_CLIENT_HELLO_SUCCESS;
  const auto found = names.choice_.find(*name);
  if (!found && names.is_strict_) {
    raise_error(OwnError::kUnknownName, *name);
    *alert = SSL_AD_UNRECOGNIZED_NAME;
    return SSL_CLIENT_HELLO_ERROR;
  }
  if (found.value_or(0) > 0) ::SSL_set_SSL_CTX(ssl, names.contexts_[*found - 1].get());
  return SSL_CLIENT_HELLO_SUCCESS;
}

}  // namespace sidelock
