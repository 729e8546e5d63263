// What a connection has moved so far and when it last did; read by its time limits, its drain and its access-log line.
#pragma once

#include <cstdint>

#include "io/timer.h"

namespace sidelock {

struct Progress {
  std::uint64_t received_bytes = 0;  // application bytes from the client
  std::uint64_t sent_bytes = 0;      // application bytes to the client
  Clock::time_point last_activity;   // an application byte in either direction, or one taken off our hands
  bool did_app_send_last = false;
};

}  // namespace sidelock
