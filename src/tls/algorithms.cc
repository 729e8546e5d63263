// See algorithms.h. Digests, ciphers and keys are known since the credential was loaded.
#include "tls/algorithms.h"

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/kdf.h>

namespace sidelock {

void make_algorithms_known(const char* query) noexcept {
  ::EVP_MAC_free(::EVP_MAC_fetch(nullptr, "HMAC", query));
  ::EVP_KDF_free(::EVP_KDF_fetch(nullptr, "TLS13-KDF", query));
  ::EVP_KEYEXCH_free(::EVP_KEYEXCH_fetch(nullptr, "ECDH", query));
  ::EVP_SIGNATURE_free(::EVP_SIGNATURE_fetch(nullptr, "ECDSA", query));
  ::EVP_KEM_free(::EVP_KEM_fetch(nullptr, "RSA", query));
  ::ERR_clear_error();
}

}  // namespace sidelock
