// Proves again and again that connections really are captured: connects to the probe port over lo, and sees them arrive
// at our own listeners with the probe port as their original destination. Works without any capability.
#pragma once

#include <functional>
#include <set>
#include <string>
#include <vector>

#include "base/address.h"
#include "config/settings.h"
#include "io/reactor.h"
#include "io/task.h"

namespace sidelock {

// Lives in the main thread's reactor; only note_probe() may be called elsewhere. The settings outlive it.
class CaptureProof {
 public:
  struct Events {
    std::function<void()> on_proven;                      // after being unproven
    std::function<void(const std::string&)> on_unproven;  // after being proven, or at the first failure; why
    std::function<void(const std::string&)> on_given_up;  // not proven for --capture-timeout; why
  };

  CaptureProof(const CaptureSettings& settings, Reactor& reactor, Events events);

  // Begins to prove: at once, then every ten seconds; every second while unproven.
  void start() { watching_ = watch(); }
  // A worker saw the connection of that client arrive for the probe port. Any thread.
  void note_probe(const ClientAddress& client);

 private:
  enum class State { kUnknown, kProven, kUnproven };

  Background watch();
  bool judge(const std::string& missing);
  task<std::string> prove_all();        // what is not proven; empty when all is
  task<std::string> prove(int family);  // the same for one family
  task<bool> wait_for_arrival(Endpoint from);

  const CaptureSettings& settings_;
  Reactor& reactor_;
  Events events_;
  std::uint16_t probe_port_;
  std::vector<int> families_;
  std::set<Endpoint> arrived_;
  State state_ = State::kUnknown;
  Clock::time_point proven_at_{};
  Background watching_;
};

}  // namespace sidelock
