// See memory.h.
#include "tls/memory.h"

#include <malloc.h>
#include <openssl/crypto.h>

#include "base/pool.h"

namespace sidelock {

namespace {

thread_local const void* wiped = nullptr;

void release(void* block, const char* /*file*/, int /*line*/) noexcept {
  if (block != nullptr && block == wiped) {
    wiped = nullptr;
    ::OPENSSL_cleanse(block, ::malloc_usable_size(block));
  }
  pool::release(block);
}

}  // namespace

void wipe_when_freed(const void* block) noexcept { wiped = block; }

void pool_openssl_memory() noexcept {
  ::CRYPTO_set_mem_functions(
      [](std::size_t size, const char* /*file*/, int /*line*/) { return pool::allocate(size); },
      [](void* block, std::size_t size, const char* /*file*/, int /*line*/) { return pool::resize(block, size); },
      release);
}

}  // namespace sidelock
