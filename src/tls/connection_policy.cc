// See connection_policy.h.
#include "tls/connection_policy.h"

#include <new>

#include "tls/callback.h"

namespace sidelock {

namespace {

int policy_index() {
  static const int index =
      made_index(::CRYPTO_get_ex_new_index(CRYPTO_EX_INDEX_SSL, 0, nullptr, nullptr, nullptr, nullptr));
  return index;
}

}  // namespace

void set_policy(SSL* ssl, const TlsPolicy& policy) {
  // OpenSSL's interface knows no const; policy_of() gives it back.
  void* const shared = const_cast<TlsPolicy*>(&policy);  // NOLINT(cppcoreguidelines-pro-type-const-cast)
  if (::SSL_set_ex_data(ssl, policy_index(), shared) != 1) throw std::bad_alloc{};
}

const TlsPolicy& policy_of(const SSL* ssl) {
  return *static_cast<const TlsPolicy*>(::SSL_get_ex_data(ssl, policy_index()));
}

}  // namespace sidelock
