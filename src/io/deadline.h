// A time limit as a scope guard: when it expires it aborts its socket, and whoever waits there sees an ordinary error.
#pragma once

#include <cerrno>

#include "io/socket.h"

namespace sidelock {

// A zero duration is no limit. The socket outlives the guard; cancelled when the scope ends.
class Deadline final : public Timer {
 public:
  Deadline(Socket& socket, Clock::duration limit) : socket_{socket} {
    if (limit > Clock::duration::zero()) socket.reactor().timers().arm(*this, socket.reactor().now() + limit);
  }
  [[nodiscard]] bool has_expired() const noexcept { return has_expired_; }

 private:
  void on_expiry() override {
    has_expired_ = true;
    socket_.abort(ETIMEDOUT);
  }

  Socket& socket_;
  bool has_expired_ = false;
};

}  // namespace sidelock
