// See no_memory.h.
#include "support/no_memory.h"

#include <cstdlib>
#include <new>

namespace sidelock::test {

namespace {

struct State {
  bool is_short = false;
  std::size_t given = 0;
  std::size_t refused = 0;
};
constinit thread_local State state{};

bool is_refused() noexcept {
  if (!state.is_short) return false;
  if (state.given > 0) {
    --state.given;
    return false;
  }
  ++state.refused;
  return true;
}

}  // namespace

NoMemory::NoMemory(std::size_t given) noexcept { state = {true, given, 0}; }
NoMemory::~NoMemory() { state.is_short = false; }
std::size_t NoMemory::refused() noexcept { return state.refused; }

}  // namespace sidelock::test

// All of them: under a sanitizer those that are not replaced do not call those that are.
// NOLINTBEGIN(cppcoreguidelines-no-malloc): it is what these are made of
void* operator new(std::size_t size, const std::nothrow_t& /*tag*/) noexcept {
  return sidelock::test::is_refused() ? nullptr : std::malloc(size);
}
void* operator new(std::size_t size) {
  void* const block = ::operator new(size, std::nothrow);
  if (block == nullptr) throw std::bad_alloc{};
  return block;
}
void* operator new[](std::size_t size, const std::nothrow_t& /*tag*/) noexcept {
  return ::operator new(size, std::nothrow);
}
void* operator new[](std::size_t size) { return ::operator new(size); }
void operator delete(void* block) noexcept { std::free(block); }
void operator delete(void* block, std::size_t /*size*/) noexcept { std::free(block); }
void operator delete(void* block, const std::nothrow_t& /*tag*/) noexcept { std::free(block); }
void operator delete[](void* block) noexcept { std::free(block); }
void operator delete[](void* block, std::size_t /*size*/) noexcept { std::free(block); }
void operator delete[](void* block, const std::nothrow_t& /*tag*/) noexcept { std::free(block); }
// NOLINTEND(cppcoreguidelines-no-malloc)
