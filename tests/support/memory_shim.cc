// For LD_PRELOAD: while the file exists that SHIM_NO_MEMORY_WHILE names, there is no memory for an array of a KiB or
// more.
#include <cstddef>
#include <cstdlib>
#include <new>

#include <unistd.h>

void* operator new[](std::size_t size) {
  const char* const file = std::getenv("SHIM_NO_MEMORY_WHILE");
  if (size >= 1024 && file != nullptr && ::access(file, F_OK) == 0) throw std::bad_alloc{};
  return ::operator new(size);
}
