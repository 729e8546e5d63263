// How many handshake messages a client may send after the handshake: KeyUpdates, which cost us two key derivations
// each, and under TLS 1.2 attempts to renegotiate, which cost an alert.
#pragma once

#include <cstdint>

#include "io/timer.h"

namespace sidelock {

class MessageLimit {
 public:
  explicit MessageLimit(std::uint32_t per_second) noexcept : per_second_{per_second} {}

  // Counts one; false when it is one too many. `is_answered`: it makes us send something; `is_output_waiting`: the
  // client has not taken all that was sent before.
  [[nodiscard]] bool count(Clock::time_point now, bool is_answered, bool is_output_waiting) noexcept {
    if (now - since_ >= std::chrono::seconds{1}) {
      since_ = now;
      counted_ = 0;
    }
    // A client that does not take our answers has no second in which they are few: they pile up.
    if (!is_output_waiting) waiting_answers_ = 0;
    if (is_answered) ++waiting_answers_;
    return ++counted_ <= per_second_ && waiting_answers_ <= per_second_;
  }

 private:
  Clock::time_point since_{};  // the turn of the clock at which the second began that is counted in
  std::uint32_t counted_ = 0;
  std::uint32_t waiting_answers_ = 0;
  std::uint32_t per_second_;
};

}  // namespace sidelock
