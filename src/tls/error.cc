// See error.h.
#include "tls/error.h"

#include <cstring>
#include <new>

#include <openssl/err.h>

namespace sidelock {

namespace {

const char* text_of(OwnError error) {
  switch (error) {
    case OwnError::kUnknownName: return "no certificate for the server name";
    case OwnError::kClientInvalid:
    case OwnError::kClientNotAllowed: return "";  // the detail says it all
    case OwnError::kNone: break;
  }
  return "unknown error";
}

}  // namespace

void raise_error(OwnError error, std::string_view detail) {
  ERR_raise_data(ERR_LIB_USER, static_cast<int>(error), "%s", std::string{detail}.c_str());
}

OwnError own_error(unsigned long code) noexcept {
  return ERR_GET_LIB(code) == ERR_LIB_USER ? static_cast<OwnError>(ERR_GET_REASON(code)) : OwnError::kNone;
}

std::string take_openssl_error() {
  const char* detail = nullptr;
  int flags = 0;
  const unsigned long code = ::ERR_get_error_all(nullptr, nullptr, nullptr, &detail, &flags);
  if (!ERR_SYSTEM_ERROR(code) && ERR_GET_REASON(code) == ERR_R_MALLOC_FAILURE) {
    ::ERR_clear_error();
    throw std::bad_alloc{};
  }
  std::string text = "unknown error";
  if (own_error(code) != OwnError::kNone) {
    text = text_of(own_error(code));
  } else if (code != 0) {
    const char* const reason =
        ERR_SYSTEM_ERROR(code) ? std::strerror(ERR_GET_REASON(code)) : ::ERR_reason_error_string(code);
    text = reason != nullptr ? reason : "error " + std::to_string(code);
  }
  if ((flags & ERR_TXT_STRING) != 0 && detail != nullptr && *detail != '\0') {
    text = text.empty() ? detail : text + " (" + detail + ')';
  }
  ::ERR_clear_error();
  return text;
}

void forget_openssl_errors() noexcept {
  if (::ERR_peek_error() != 0) ::ERR_clear_error();
}

}  // namespace sidelock
