// For LD_PRELOAD: refuses memory as the file says that SHIM_MEMORY names, four numbers of eight bytes that both sides
// write while the program runs. Of the blocks with at least as many bytes as the first number says, so many are still
// given as the second says, then so many are refused as the third says; the fourth counts those.
#include <atomic>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <cstdlib>

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

// The C library's own, by the names that it keeps for those who replace malloc(3).
extern "C" {
void* __libc_malloc(std::size_t size);                           // NOLINT(bugprone-reserved-identifier)
void* __libc_calloc(std::size_t count, std::size_t size);        // NOLINT(bugprone-reserved-identifier)
void* __libc_realloc(void* block, std::size_t size);             // NOLINT(bugprone-reserved-identifier)
void* __libc_memalign(std::size_t alignment, std::size_t size);  // NOLINT(bugprone-reserved-identifier)
}

namespace {

struct Shortage {
  std::atomic<std::int64_t> smallest;
  std::atomic<std::int64_t> given;
  std::atomic<std::int64_t> refused;
  std::atomic<std::int64_t> count;
};

Shortage* shortage = nullptr;

// Before main(), and once: what follows a name in the environment is not looked for at each block.
[[gnu::constructor]] void attach() {
  const char* const path = std::getenv("SHIM_MEMORY");
  const int file = path == nullptr ? -1 : ::open(path, O_RDWR | O_CLOEXEC);
  if (file < 0) return;
  void* const memory = ::mmap(nullptr, sizeof(Shortage), PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
  ::close(file);
  if (memory != MAP_FAILED) shortage = static_cast<Shortage*>(memory);
}

bool is_refused(std::size_t size) noexcept {
  if (shortage == nullptr || shortage->refused <= 0) return false;
  if (static_cast<std::int64_t>(size) < shortage->smallest) return false;
  if (shortage->given.fetch_sub(1) > 0 || shortage->refused.fetch_sub(1) <= 0) return false;
  shortage->count.fetch_add(1);
  errno = ENOMEM;
  return true;
}

}  // namespace

extern "C" {

void* malloc(std::size_t size) { return is_refused(size) ? nullptr : __libc_malloc(size); }

void* calloc(std::size_t count, std::size_t size) {
  return is_refused(count * size) ? nullptr : __libc_calloc(count, size);
}

void* realloc(void* block, std::size_t size) { return is_refused(size) ? nullptr : __libc_realloc(block, size); }

void* memalign(std::size_t alignment, std::size_t size) {
  return is_refused(size) ? nullptr : __libc_memalign(alignment, size);
}

void* aligned_alloc(std::size_t alignment, std::size_t size) { return memalign(alignment, size); }

int posix_memalign(void** block, std::size_t alignment, std::size_t size) {
  void* const made = memalign(alignment, size);
  if (made == nullptr) return ENOMEM;
  *block = made;
  return 0;
}
}
