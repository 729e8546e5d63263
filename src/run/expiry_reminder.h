// Says again and again what has gone out of date, so that it stands near the end of a log however long it has become.
#pragma once

#include <functional>

#include "io/reactor.h"
#include "io/task.h"

namespace sidelock {

// Lives in one reactor's thread; the reactor outlives it.
class ExpiryReminder {
 public:
  static constexpr std::chrono::hours kInterval{1};

  // Calls `remind` each time the interval has passed, for as long as this lives.
  ExpiryReminder(Reactor& reactor, std::function<void()> remind, Clock::duration interval = kInterval);
  ExpiryReminder(const ExpiryReminder&) = delete;
  ExpiryReminder& operator=(const ExpiryReminder&) = delete;

 private:
  Background keep_reminding();

  Reactor& reactor_;
  std::function<void()> remind_;
  Clock::duration interval_;
  Background reminding_;
};

}  // namespace sidelock
