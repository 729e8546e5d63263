// One init or cleanup at a time works in a network namespace: two that read, write, verify and undo at once could take
// each other's rules away. Lock files cannot serve, since the containers of a pod share a network but no files.
#pragma once

#include <chrono>

#include "base/fd.h"

namespace sidelock {

// Held until it is destroyed or the process ends. An abstract Unix socket (unix(7)): it belongs to the network
// namespace, needs no privilege and leaves nothing behind.
class NamespaceLock {
 public:
  // Waits as long as `patience` for whoever holds it. Throws Failure: kFailure when that was not enough.
  explicit NamespaceLock(std::chrono::milliseconds patience);

 private:
  Fd socket_;
};

}  // namespace sidelock
