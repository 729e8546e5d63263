// The routing that --preserve-source needs, which a network plugin or a person may have changed. See checks.h.
#include <optional>

#include <fmt/format.h>

#include "doctor/checks.h"
#include "netsetup/policy_routing.h"

namespace sidelock {

namespace {

Check check(const std::vector<LoopbackRouting>& wanted) {
  try {
    const std::optional<RoutingFault> fault = routing_fault(wanted);
    if (!fault)
      return ok("routing", fmt::format("the app's replies to clients come to `run`, by table {}", wanted[0].table));
    return failed("routing", fault->code, fault->what,
                  fmt::format("run `sidelock init` again, or by hand: `{}`", fault->commands));
  } catch (const Failure& failure) {
    return failed("routing", failure.code(), failure.what(), "run `sidelock init` again: it says what is in the way");
  }
}

}  // namespace

Checks check_routing(const Patient& patient) {
  const std::vector<LoopbackRouting> wanted = wanted_routing(patient.settings.capture);
  return patient.is_captured() && !wanted.empty() ? Checks{check(wanted)} : Checks{};
}

}  // namespace sidelock
