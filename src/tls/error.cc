// See error.h.
#include "tls/error.h"

#include <cstring>

#include <openssl/err.h>

namespace sidelock {

std::string take_openssl_error() {
  const char* detail = nullptr;
  int flags = 0;
  const unsigned long code = ::ERR_get_error_all(nullptr, nullptr, nullptr, &detail, &flags);
  std::string text = "unknown error";
  if (code != 0) {
    const char* const reason =
        ERR_SYSTEM_ERROR(code) ? std::strerror(ERR_GET_REASON(code)) : ::ERR_reason_error_string(code);
    text = reason != nullptr ? reason : "error " + std::to_string(code);
    if ((flags & ERR_TXT_STRING) != 0 && detail != nullptr && *detail != '\0') text += std::string{" ("} + detail + ')';
  }
  ::ERR_clear_error();
  return text;
}

void forget_openssl_errors() noexcept {
  if (::ERR_peek_error() != 0) ::ERR_clear_error();
}

}  // namespace sidelock
