// For LD_PRELOAD: while the file exists that SHIM_NO_MEMORY_WHILE names, there is no memory for a block of a KiB or
// more.
#include <cerrno>
#include <cstddef>
#include <cstdlib>

#include <unistd.h>

// The C library's own, by the name that it keeps for those who replace malloc(3).
extern "C" void* __libc_malloc(std::size_t size);  // NOLINT(bugprone-reserved-identifier)

extern "C" void* malloc(std::size_t size) {
  const char* const file = std::getenv("SHIM_NO_MEMORY_WHILE");
  if (size < 1024 || file == nullptr || ::access(file, F_OK) != 0) return __libc_malloc(size);
  errno = ENOMEM;
  return nullptr;
}
