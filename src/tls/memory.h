// OpenSSL's memory: a handshake takes and frees some thousand small blocks.
#pragma once

namespace sidelock {

// Makes OpenSSL take its memory from the pool (base/pool.h). To be called before anything else of OpenSSL, once, while
// there is one thread (CRYPTO_set_mem_functions(3)); without effect when it comes too late.
void pool_openssl_memory() noexcept;

// From here on `block`, OpenSSL's own, is overwritten when OpenSSL frees it. One block for each thread at a time.
void wipe_when_freed(const void* block) noexcept;

}  // namespace sidelock
