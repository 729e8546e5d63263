// See coverage.h.
#include "netsetup/coverage.h"

#include <algorithm>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "base/interface_pattern.h"

namespace sidelock {

namespace {

bool fits_any(const std::vector<std::string>& patterns, const std::string& name) {
  return std::ranges::any_of(patterns, [&name](const std::string& pattern) { return fits(pattern, name); });
}

}  // namespace

Coverage coverage(const CaptureSettings& settings, const std::vector<Interface>& interfaces) {
  Coverage found;
  for (const Interface& interface : interfaces) {
    if (interface.name == "lo" || !interface.is_up) continue;
    const bool is_meant = settings.interfaces.empty() || fits_any(settings.interfaces, interface.name);
    const bool is_captured = is_meant && !fits_any(settings.exclude_interfaces, interface.name);
    (is_captured ? found.captured : found.open).push_back(interface.name);
  }
  for (const std::string& pattern : settings.interfaces) {
    const bool is_here = std::ranges::any_of(interfaces, [&pattern](const Interface& interface) {
      return interface.name != "lo" && fits(pattern, interface.name);
    });
    if (!is_here) found.absent.push_back(pattern);
  }
  return found;
}

bool is_wide_open(const Coverage& coverage) { return coverage.captured.empty() && !coverage.open.empty(); }

std::string fault_of(const Coverage& coverage) {
  if (is_wide_open(coverage)) {
    return fmt::format(
        "--interfaces and --exclude-interfaces capture nothing here: every client that comes by {} reaches the app in "
        "plain text",
        fmt::join(coverage.open, ", "));
  }
  if (coverage.absent.empty()) return {};
  if (coverage.captured.empty())
    return fmt::format("--interfaces: no interface but lo is up, and none is named {}",
                       fmt::join(coverage.absent, ", "));
  return fmt::format("--interfaces: no interface here is named {}; captured: {}{}{}", fmt::join(coverage.absent, ", "),
                     fmt::join(coverage.captured, ", "),
                     coverage.open.empty() ? "" : "; not captured: ", fmt::join(coverage.open, ", "));
}

}  // namespace sidelock
