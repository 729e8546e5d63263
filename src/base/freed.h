// A deleter for unique_ptr made of a C library's own free function: one alias for each handle type, no call by hand.
#pragma once

namespace sidelock {

template <auto Free>
struct Freed {
  template <class T>
  void operator()(T* handle) const noexcept {
    Free(handle);
  }
};

}  // namespace sidelock
