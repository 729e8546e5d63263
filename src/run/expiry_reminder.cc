// See expiry_reminder.h.
#include "run/expiry_reminder.h"

#include <utility>

namespace sidelock {

ExpiryReminder::ExpiryReminder(Reactor& reactor, std::function<void()> remind, Clock::duration interval)
    : reactor_{reactor}, remind_{std::move(remind)}, interval_{interval}, reminding_{keep_reminding()} {}

Background ExpiryReminder::keep_reminding() {
  for (;;) {
    co_await reactor_.sleep(interval_);
    remind_();
  }
}

}  // namespace sidelock
