// Memory for the many short-lived blocks of a connection: each thread keeps a few of the blocks that it frees, by size,
// and takes from them first, without a lock. Blocks come from malloc(3) and may be freed in another thread than the one
// that took them. What a thread keeps is bounded for each size and in all, and goes back by give_back().
//
// Under the address and thread sanitizers nothing is kept, so that they see every use of a freed block.
#pragma once

#include <cstddef>

namespace sidelock::pool {

// Aligned as malloc's blocks are. nullptr when there is no memory, or for a size of 0.
[[nodiscard]] void* allocate(std::size_t size) noexcept;
// A block of allocate() or resize(), or nullptr. A block that is freed twice ends the process, in whichever threads.
void release(void* block) noexcept;
// As realloc(3), for blocks of this pool; a size of 0 releases the block.
[[nodiscard]] void* resize(void* block, std::size_t size) noexcept;

// Frees the blocks that this thread keeps.
void give_back() noexcept;
// As give_back(), and from now on this thread keeps none: for a thread that is about to end.
void close_thread() noexcept;

// What this thread keeps, in bytes.
[[nodiscard]] std::size_t kept_bytes() noexcept;

// Throws std::bad_alloc.
[[nodiscard]] void* allocate_or_throw(std::size_t size);

// Objects of a class that derives from it come from the pool, and so do the frames of coroutines whose promise does.
struct Pooled {
  static void* operator new(std::size_t size) { return allocate_or_throw(size); }
  static void operator delete(void* object) noexcept { release(object); }
};

}  // namespace sidelock::pool
