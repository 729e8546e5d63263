// What OpenSSL calls back. Its frames are C, and no exception may cross them.
#pragma once

#include <new>
#include <type_traits>

#include <openssl/err.h>

namespace sidelock {

// Does `work` and returns what it returns. When it throws, for lack of memory or of randomness, OpenSSL hears `failure`
// instead, and finds an error in its queue.
template <class Work>
std::invoke_result_t<Work> or_fail(std::invoke_result_t<Work> failure, Work work) noexcept {
  try {
    return work();
  } catch (...) {
    ERR_raise(ERR_LIB_SSL, ERR_R_MALLOC_FAILURE);
    return failure;
  }
}

// For what is made once, in the initialisation of a static: one that has thrown is tried again the next time.
template <class T>
T* made(T* object) {
  if (object == nullptr) throw std::bad_alloc{};
  return object;
}
inline int made_index(int index) {
  if (index < 0) throw std::bad_alloc{};
  return index;
}

}  // namespace sidelock
