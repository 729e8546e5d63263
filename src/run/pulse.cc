// See pulse.h.
#include "run/pulse.h"

#include <fmt/format.h>

#include "base/on_exception.h"

namespace sidelock {

std::vector<HealthCheck> Pulse::look(Clock::time_point now) {
  std::vector<HealthCheck> checks;
  for (Thread& thread : threads_) {
    HealthCheck check{thread.name, HealthCheck::State::kOk, "turns"};
    if (thread.has_answered->load()) {
      thread.has_answered->store(false);
      // Who could not be asked owes no answer.
      const OnException when_it_fails{[&thread] { thread.has_answered->store(true); }};
      thread.asked_at = now;
      thread.post([answer = thread.has_answered] { answer->store(true); });
    } else if (now - thread.asked_at >= kPatience) {
      const auto silence = std::chrono::duration_cast<std::chrono::seconds>(now - thread.asked_at).count();
      check = {thread.name, HealthCheck::State::kFailed, fmt::format("has not turned for {} s", silence)};
    }
    checks.push_back(std::move(check));
  }
  return checks;
}

}  // namespace sidelock
