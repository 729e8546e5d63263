// See server_names.h.
#include "tls/server_names.h"

#include <new>
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

bool ServerNames::choose(SSL* ssl) const {
  const auto name = host_name_in(ssl);
  if (!name) return true;
  const auto found = choice_.find(*name);
  if (!found && is_strict_) {
    raise_error(OwnError::kUnknownName, *name);
    return false;
  }
  // A client that named one credential must not be shown another for lack of memory.
  if (found.value_or(0) > 0 && ::SSL_set_SSL_CTX(ssl, contexts_[*found - 1].get()) == nullptr) throw std::bad_alloc{};
  return true;
}

}  // namespace sidelock
