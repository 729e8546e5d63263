// See pool.h.
#include "base/pool.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <new>

#include <malloc.h>
#include <sys/random.h>

#include "base/sanitizer.h"

// A pool is what others are told to use in place of malloc, and hides its links in integers.
// NOLINTBEGIN(cppcoreguidelines-no-malloc,performance-no-int-to-ptr)

namespace sidelock::pool {

namespace {

// malloc's own sizes: 24 usable bytes, then in steps of 16; a block of index i holds 16 i + 8. The largest kept holds a
// TLS record with all around it.
constexpr std::size_t kStep = 16;
constexpr std::size_t kSmallestIndex = 1;
constexpr std::size_t kLargestIndex = 1151;
constexpr std::size_t usable_of(std::size_t index) noexcept { return index * kStep + kStep / 2; }
constexpr std::size_t kLargest = usable_of(kLargestIndex);
static_assert(kLargest == std::size_t{18} * 1024 - 8);
// In steps, which is what is counted: of one size, and of all, since a client may choose sizes (of its names, say).
constexpr std::size_t kEnough = std::size_t{24} * 1024 / kStep;
constexpr std::size_t kEnoughInAll = std::size_t{2} * 1024 * 1024 / kStep;

struct Spare {
  std::uintptr_t next;  // hidden, see hide()
  std::uintptr_t mark;
};

struct Kept {
  Spare* first = nullptr;
  std::size_t steps = 0;
};

struct Thread {
  std::array<Kept, kLargestIndex + 1> sizes{};
  std::size_t steps = 0;    // of all sizes
  std::uintptr_t mark = 0;  // 0: this thread keeps nothing, not yet or no more
  bool is_closed = kIsSanitized;
};

// Never destroyed, because OpenSSL frees blocks of a thread at its very end.
constinit thread_local Thread thread;

// What marks a block that is kept, in all threads: only one that is freed twice shows it, and nobody can guess it.
std::uintptr_t secret_mark() noexcept {
  static const std::uintptr_t mark = [] {
    std::uintptr_t made = 0;
    if (::getrandom(&made, sizeof made, GRND_NONBLOCK) != sizeof made) {
      made = reinterpret_cast<std::uintptr_t>(&thread) ^ std::uintptr_t{0x9e3779b97f4a7c15};
    }
    return made | 1U;  // never 0
  }();
  return mark;
}

// A block of a thread that keeps nothing; the first one makes it ready. Not inline: what is rare shall not burden the
// way of all others.
[[gnu::noinline, gnu::cold]] void release_while_not_open(void* block) noexcept {
  if (thread.is_closed) return std::free(block);
  thread.mark = secret_mark();
  release(block);
}

// An overwritten link leads nowhere useful: the address space's layout is mixed into it.
std::uintptr_t hide(const Spare* block, const Spare* next) noexcept {
  constexpr unsigned kPageBits = 12;
  return reinterpret_cast<std::uintptr_t>(next) ^ (reinterpret_cast<std::uintptr_t>(block) >> kPageBits);
}

Spare* reveal(const Spare* block) noexcept {
  return reinterpret_cast<Spare*>(hide(block, reinterpret_cast<const Spare*>(block->next)));
}

// Of the blocks that hold `size` bytes.
std::size_t index_for(std::size_t size) noexcept {
  return std::max(size + kStep / 2 - 1, kSmallestIndex * kStep) / kStep;
}

Spare* take(Kept& kept, std::size_t index) noexcept {
  Spare* const block = kept.first;
  kept.first = reveal(block);
  kept.steps -= index;
  thread.steps -= index;
  // Volatile, since a compiler drops the write when free() follows, and the next who gets that memory would be taken
  // for one who frees it twice.
  *static_cast<volatile std::uintptr_t*>(&block->mark) = 0;
  return block;
}

}  // namespace

// These two run some 1,900 times for each handshake: every instruction counts.
void* allocate(std::size_t size) noexcept {
  if (size - 1 >= kLargest) return size == 0 ? nullptr : std::malloc(size);
  const std::size_t index = index_for(size);
  Kept& kept = thread.sizes[index];
  if (kept.first != nullptr) return take(kept, index);
  return std::malloc(usable_of(index));
}

void release(void* block) noexcept {
  if (block == nullptr) return;
  if (thread.mark == 0) return release_while_not_open(block);
  // A block may be a little larger than its size needs, where malloc had no use for the rest.
  const std::size_t index = ::malloc_usable_size(block) / kStep;
  if (index > kLargestIndex) return std::free(block);
  Kept& kept = thread.sizes[index];
  auto* const spare = static_cast<Spare*>(block);
  if (spare->mark == thread.mark) std::abort();
  if (kept.steps >= kEnough || thread.steps >= kEnoughInAll) return std::free(block);
  spare->next = hide(spare, kept.first);
  spare->mark = thread.mark;
  kept.first = spare;
  kept.steps += index;
  thread.steps += index;
}

void* resize(void* block, std::size_t size) noexcept {
  if (block == nullptr) return allocate(size);
  if (size == 0) {
    release(block);
    return nullptr;
  }
  const std::size_t usable = ::malloc_usable_size(block);
  if (size <= usable && size >= usable / 2) return block;
  // Blocks are malloc's, so realloc may move the large ones; it never makes one too small for its place here.
  if (size > kLargest || usable > kLargest) {
    return std::realloc(block, size <= kLargest ? usable_of(index_for(size)) : size);
  }
  void* const moved = allocate(size);
  if (moved == nullptr) return nullptr;
  std::memcpy(moved, block, std::min(size, usable));
  release(block);
  return moved;
}

void give_back() noexcept {
  for (std::size_t index = 0; index <= kLargestIndex; ++index) {
    Kept& kept = thread.sizes[index];
    while (kept.first != nullptr) std::free(take(kept, index));
  }
}

void close_thread() noexcept {
  give_back();
  thread.mark = 0;
  thread.is_closed = true;
}

std::size_t kept_bytes() noexcept { return thread.steps * kStep; }

void* allocate_or_throw(std::size_t size) {
  void* const block = allocate(size);
  if (block == nullptr) throw std::bad_alloc{};
  return block;
}

}  // namespace sidelock::pool

// NOLINTEND(cppcoreguidelines-no-malloc,performance-no-int-to-ptr)
