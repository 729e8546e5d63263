// See features.h.
#include "tls/features.h"

#include <memory>

#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/ssl.h>

namespace sidelock {

namespace {

struct FreeContext {
  void operator()(SSL_CTX* context) const noexcept { SSL_CTX_free(context); }
};

}  // namespace

std::string openssl_version() { return OpenSSL_version(OPENSSL_VERSION); }

bool has_group(std::string name) {
  const std::unique_ptr<SSL_CTX, FreeContext> context{SSL_CTX_new(TLS_method())};
  const bool is_known = context && SSL_CTX_set1_groups_list(context.get(), name.data()) == 1;
  ERR_clear_error();
  return is_known;
}

}  // namespace sidelock
