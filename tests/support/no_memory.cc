// See no_memory.h.
#include "support/no_memory.h"

#include <cstdlib>
#include <new>

#if defined(__SANITIZE_THREAD__)
#define SIDELOCK_OPERATOR_NEW_IS_TAKEN
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define SIDELOCK_OPERATOR_NEW_IS_TAKEN
#endif
#endif

namespace sidelock::test {

namespace {

struct State {
  bool is_short = false;
  std::size_t given = 0;
  std::size_t refused = 0;
};
constinit thread_local State state{};

[[maybe_unused]] bool is_refused() noexcept {
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

bool NoMemory::is_possible() noexcept {
#ifdef SIDELOCK_OPERATOR_NEW_IS_TAKEN
  return false;
#else
  return true;
#endif
}

}  // namespace sidelock::test

#ifndef SIDELOCK_OPERATOR_NEW_IS_TAKEN

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
#endif
