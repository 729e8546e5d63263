// What a connection has moved so far and when it last did; read by its time limits, its drain and its access-log line.
#pragma once

#include <cstdint>

#include "io/timer.h"
#include "proxy/port_counters.h"

namespace sidelock {

struct Progress {
  std::uint64_t received_bytes = 0;  // application bytes from the client
  std::uint64_t sent_bytes = 0;      // application bytes to the client
  Clock::time_point last_activity;   // an application byte in either direction, or one taken off our hands
  bool did_app_send_last = false;
  PortCounters* counters = nullptr;  // the port's; set before bytes flow

  void note_received(std::uint64_t bytes) noexcept {
    received_bytes += bytes;
    counters->received_from_client.add(bytes);
    did_app_send_last = false;
  }
  void note_sent(std::uint64_t bytes) noexcept {
    sent_bytes += bytes;
    counters->received_from_app.add(bytes);
    did_app_send_last = true;
  }
};

}  // namespace sidelock
