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

// malloc's own sizes: 24 usable bytes, then in steps of 16. The largest kept holds a TLS record with all around it.
constexpr std::size_t kSmallest = 24;
constexpr std::size_t kStep = 16;
constexpr std::size_t kLargest = kSmallest + kStep * 1150;
constexpr std::size_t kSizes = (kLargest - kSmallest) / kStep + 1;
static_assert(kLargest == std::size_t{18} * 1024 - 8);
constexpr std::size_t kEnough = std::size_t{24} * 1024;             // bytes of one size
constexpr std::size_t kEnoughInAll = std::size_t{2} * 1024 * 1024;  // a client may choose sizes: of its names, say

struct Spare {
  std::uintptr_t next;  // hidden, see hide()
  std::uintptr_t mark;
};

struct Kept {
  Spare* first = nullptr;
  std::size_t bytes = 0;
};

enum class State : std::uint8_t { kNew, kOpen, kClosed };

struct Thread {
  std::array<Kept, kSizes> sizes{};
  std::size_t bytes = 0;  // of all sizes
  std::uintptr_t mark = 0;
  State state = !kIsSanitized ? State::kNew : State::kClosed;
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
    return made;
  }();
  return mark;
}

// Whether this thread keeps blocks; the first call makes it ready for them.
bool is_open() noexcept {
  if (thread.state == State::kNew) {
    thread.mark = secret_mark();
    thread.state = State::kOpen;
  }
  return thread.state == State::kOpen;
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
  return size <= kSmallest ? 0 : (size - kSmallest + kStep - 1) / kStep;
}

Spare* take(Kept& kept, std::size_t index) noexcept {
  Spare* const block = kept.first;
  kept.first = reveal(block);
  kept.bytes -= kSmallest + index * kStep;
  thread.bytes -= kSmallest + index * kStep;
  // Volatile, since a compiler drops the write when free() follows, and the next who gets that memory would be taken
  // for one who frees it twice.
  *static_cast<volatile std::uintptr_t*>(&block->mark) = 0;
  return block;
}

}  // namespace

void* allocate(std::size_t size) noexcept {
  if (size == 0) return nullptr;
  if (size > kLargest) return std::malloc(size);
  const std::size_t index = index_for(size);
  Kept& kept = thread.sizes[index];
  if (kept.first != nullptr) return take(kept, index);
  return std::malloc(kSmallest + index * kStep);
}

void release(void* block) noexcept {
  if (block == nullptr) return;
  if (!is_open()) return std::free(block);
  const std::size_t usable = ::malloc_usable_size(block);
  // A block may be a little larger than its size needs, where malloc had no use for the rest.
  const std::size_t index = (usable - kSmallest) / kStep;
  if (index >= kSizes) return std::free(block);
  Kept& kept = thread.sizes[index];
  auto* const spare = static_cast<Spare*>(block);
  if (spare->mark == thread.mark) std::abort();
  if (kept.bytes >= kEnough || thread.bytes >= kEnoughInAll) return std::free(block);
  spare->next = hide(spare, kept.first);
  spare->mark = thread.mark;
  kept.first = spare;
  kept.bytes += kSmallest + index * kStep;
  thread.bytes += kSmallest + index * kStep;
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
    return std::realloc(block, size <= kLargest ? kSmallest + index_for(size) * kStep : size);
  }
  void* const moved = allocate(size);
  if (moved == nullptr) return nullptr;
  std::memcpy(moved, block, std::min(size, usable));
  release(block);
  return moved;
}

void give_back() noexcept {
  for (std::size_t index = 0; index < kSizes; ++index) {
    Kept& kept = thread.sizes[index];
    while (kept.first != nullptr) std::free(take(kept, index));
  }
}

void close_thread() noexcept {
  give_back();
  thread.state = State::kClosed;
}

std::size_t kept_bytes() noexcept { return thread.bytes; }

void* allocate_or_throw(std::size_t size) {
  void* const block = allocate(size);
  if (block == nullptr) throw std::bad_alloc{};
  return block;
}

}  // namespace sidelock::pool

// NOLINTEND(cppcoreguidelines-no-malloc,performance-no-int-to-ptr)
