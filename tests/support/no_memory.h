// Takes memory away from the code under test, where that is C++: what it gets by operator new.
#pragma once

#include <cstddef>

namespace sidelock::test {

// While it lives, operator new throws in this thread, after it has given `given` blocks more. One at a time.
class NoMemory {
 public:
  explicit NoMemory(std::size_t given = 0) noexcept;
  NoMemory(const NoMemory&) = delete;
  NoMemory& operator=(const NoMemory&) = delete;
  ~NoMemory();

  // The thread sanitizer has an operator new of its own, which cannot be replaced.
  [[nodiscard]] static bool is_possible() noexcept;
  // How often it has thrown.
  [[nodiscard]] static std::size_t refused() noexcept;
};

}  // namespace sidelock::test
