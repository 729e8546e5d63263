// How much one direction of a connection may take in one turn: grows while its peer keeps up, shrinks when it does not,
// and stays small while the worker holds much for slow readers.
#pragma once

#include <algorithm>
#include <cstddef>

#include "io/buffers.h"

namespace sidelock {

class Window {
 public:
  explicit Window(const Buffers& buffers) noexcept : buffers_{buffers} {}

  [[nodiscard]] std::size_t size() const noexcept {
    return buffers_.is_short_of_memory() ? Buffers::kSmallestWindow : size_;
  }
  // After a turn that moved `bytes`; `is_taken` tells whether the peer took all of them at once.
  void learn(std::size_t bytes, bool is_taken) noexcept {
    if (!is_taken) {
      size_ = std::max(size_ / 2, Buffers::kSmallestWindow);
    } else if (bytes >= size_) {
      size_ = std::min(size_ * 2, Buffers::kLargestWindow);
    }
  }

 private:
  const Buffers& buffers_;
  std::size_t size_ = Buffers::kSmallestWindow;
};

}  // namespace sidelock
