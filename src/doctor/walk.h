// The way of a new connection through the rules that are in the kernel, rule by rule, as its first packet goes. Pure.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/address.h"
#include "netsetup/backend.h"
#include "netsetup/plan.h"

namespace sidelock {

struct FirstPacket {
  Endpoint source;
  Endpoint destination;
  std::string interface;              // where it comes in; "lo": it comes from this namespace itself
  bool is_destination_local = false;  // an address of this namespace
};

enum class Fate {
  kPassed,    // no rule took it
  kCaptured,  // redirected, or diverted
  kDropped,
  kRejected,
  kForeign,    // a rule of others decides, and it is not known how
  kUncertain,  // a rule matches or not by what explain cannot judge
};

struct Walk {
  Fate fate = Fate::kPassed;
  std::uint16_t to_port = 0;       // for kCaptured
  bool is_diverted = false;        // by TPROXY: dropped where nobody listens
  std::vector<std::string> rules;  // the text of each rule that matched, in the order in which it was met
};

// `ours` and `foreign` as a backend reads them.
Walk walk(const Plan& ours, const Foreign& foreign, const FirstPacket& packet);

}  // namespace sidelock
