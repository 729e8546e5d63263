// See memory.h.
#include "tls/memory.h"

#include <openssl/crypto.h>

#include "base/pool.h"

namespace sidelock {

void pool_openssl_memory() noexcept {
  ::CRYPTO_set_mem_functions(
      [](std::size_t size, const char* /*file*/, int /*line*/) { return pool::allocate(size); },
      [](void* block, std::size_t size, const char* /*file*/, int /*line*/) { return pool::resize(block, size); },
      [](void* block, const char* /*file*/, int /*line*/) { pool::release(block); });
}

}  // namespace sidelock
