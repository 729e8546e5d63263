// May a connection that wanted to go there be served, and by which policy? Pure; the proxy acts on it, explain shows
// it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "base/address.h"
#include "config/settings.h"

namespace sidelock {

enum class Verdict {
  kServe,
  kProbe,               // run's own proof that the rules of these settings are in the kernel
  kNotCaptured,         // aimed at a capture port itself
  kNotConfigured,       // captured, but not one of --ports: init ran with other settings
  kForeignDestination,  // not an address of this pod, or one no client outside may mean
  kLoop,                // comes from one of our own connections to the app
};

struct Arrival {
  ClientAddress client;
  OriginalDestination destination;
  bool is_destination_own = false;      // the destination's address is one of this network namespace
  bool is_client_our_upstream = false;  // the client's endpoint is one of our own upstream sockets
};

struct Judgement {
  Verdict verdict = Verdict::kNotCaptured;
  const PortPolicy* policy = nullptr;  // with kServe; part of the settings
};

// Judges captured arrivals. The settings outlive it; safe to use from any thread.
class DestinationPolicy {
 public:
  explicit DestinationPolicy(const Settings& settings);
  [[nodiscard]] Judgement judge(const Arrival& arrival) const;

 private:
  const std::vector<CapturedPort>& captured_;
  const PortPolicy* any_port_;  // null: only captured_ are served
  const std::vector<PortRange>& ports_;
  std::uint16_t first_capture_port_;
  std::size_t capture_ports_;
  std::uint16_t probe_port_;
  std::uint16_t status_port_;  // 0: none
};

}  // namespace sidelock
