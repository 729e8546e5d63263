// What every check may look at, gathered once.
#pragma once

#include <string>
#include <vector>

#include "base/interfaces.h"
#include "config/settings.h"
#include "doctor/live_rules.h"
#include "doctor/processes.h"
#include "doctor/sockets.h"

namespace sidelock {

// What doctor sees of the pod. The settings outlive it.
struct Patient {
  const Settings& settings;
  std::vector<std::string> setting_warnings;  // unknown SIDELOCK_* variables
  LiveRules rules;                            // not read under --capture none
  std::vector<WaitingSocket> tcp;
  std::vector<WaitingSocket> udp;
  SocketOwners owners;
  std::vector<InterfaceAddress> addresses;
  std::vector<Interface> interfaces;

  [[nodiscard]] bool is_captured() const { return settings.capture.mode != CaptureMode::kNone; }
};

}  // namespace sidelock
