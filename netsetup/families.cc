// See families.h.
#include "netsetup/families.h"

#include <cerrno>

#include <fmt/format.h>
#include <sys/socket.h>

#include "base/error.h"
#include "base/fd.h"
#include "base/log.h"

namespace sidelock {

bool kernel_has(Family family) {
  const Fd socket{::socket(address_family(family), SOCK_DGRAM | SOCK_CLOEXEC, 0)};
  return socket || errno != EAFNOSUPPORT;
}

Plan without_absent_families(Plan plan) {
  std::erase_if(plan.families, [](const FamilyPlan& family) {
    if (kernel_has(family.family)) return false;
    if (family.need == Need::kRequired) {
      throw Failure{ExitCode::kNoBackend, fmt::format("this kernel has no {}, and --ip-family asks for it; --ip-family "
                                                      "auto leaves out what is not there",
                                                      name_of(family.family))};
    }
    if (family.need == Need::kIfPresent) log::info("no {} in this kernel: left out", name_of(family.family));
    return true;
  });
  return plan;
}

}  // namespace sidelock
