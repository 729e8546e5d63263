// Owners of a C library's objects: a deleter for unique_ptr made of its own free function, so that each handle type is
// one alias, and no free is called by hand.
#pragma once

#include <new>

namespace sidelock {

template <auto Free>
struct Freed {
  template <class T>
  void operator()(T* handle) const noexcept {
    Free(handle);
  }
};

// Throws std::bad_alloc for the null pointer that a C library returns when memory runs out.
template <class Pointer>
Pointer owned(typename Pointer::pointer allocated) {
  if (allocated == nullptr) throw std::bad_alloc{};
  return Pointer{allocated};
}

}  // namespace sidelock
