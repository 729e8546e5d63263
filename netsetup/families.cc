// See families.h.
#include "netsetup/families.h"

#include <cerrno>

#include <fmt/format.h>
#include <sys/socket.h>

#include "base/error.h"
#include "base/fd.h"
#include "base/log.h"

namespace sidelock {

namespace {

void require(Family family) {
  if (kernel_has(family)) return;
  throw Failure{
      ExitCode::kNoBackend,
      fmt::format("this kernel has no {}, and --ip-family asks for it; --ip-family auto leaves out what is not there",
                  name_of(family))};
}

}  // namespace

bool kernel_has(Family family) {
  const Fd socket{::socket(address_family(family), SOCK_DGRAM | SOCK_CLOEXEC, 0)};
  return socket || errno != EAFNOSUPPORT;
}

CaptureSettings without_absent_families(CaptureSettings settings) {
  if (settings.ip_family != IpFamily::kIpv6) require(Family::kIpv4);
  if (settings.ip_family == IpFamily::kAuto && !kernel_has(Family::kIpv6)) {
    log::info("no {} in this kernel: left out", name_of(Family::kIpv6));
    settings.ip_family = IpFamily::kIpv4;
  }
  if (settings.ip_family == IpFamily::kIpv6 || settings.ip_family == IpFamily::kDual) require(Family::kIpv6);
  return settings;
}

}  // namespace sidelock
