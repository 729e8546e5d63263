// See limits.h.
#include "policy/limits.h"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>

#include "base/error.h"
#include "config/capture_contract.h"

namespace sidelock {

namespace {

constexpr std::size_t kMostConnections = 10'000;
constexpr std::size_t kDescriptorsForConnection = 2;
constexpr std::size_t kDescriptorsForProcess = 32;  // log, signals, reloads
constexpr std::size_t kDescriptorsForAdmin = 8 + AdminSettings::kMostClients;
constexpr std::size_t kDescriptorsForWorker = 2;
constexpr std::size_t kMemoryForProcess = std::size_t{32} << 20U;
constexpr std::size_t kMemoryForConnection = std::size_t{64} << 10U;
constexpr std::size_t kFewestHandshakes = 64;

}  // namespace

ProcessLimits resolve_limits(const Settings& settings, const Surroundings& surroundings) {
  ProcessLimits limits;
  const auto quota = static_cast<std::size_t>(std::ceil(surroundings.cpus));
  limits.workers = settings.process.workers.value_or(static_cast<std::uint32_t>(std::max<std::size_t>(quota, 1)));

  const std::size_t listeners =
      settings.capture.mode == CaptureMode::kNone ? settings.listeners.size() : count_capture_ports(settings.capture);
  const std::size_t admin = settings.admin.address || settings.admin.status_address ? kDescriptorsForAdmin : 0;
  const std::size_t reserved = kDescriptorsForProcess + admin + limits.workers * (kDescriptorsForWorker + listeners);
  const std::size_t descriptors = surroundings.descriptors > reserved ? surroundings.descriptors - reserved : 0;
  const std::size_t by_descriptors = descriptors / kDescriptorsForConnection;
  if (by_descriptors < limits.workers || by_descriptors < settings.limits.max_connections.value_or(1)) {
    throw Failure{
        ExitCode::kUsage,
        fmt::format("the limit of open files ({}) holds {} connections with {} listening ports and {} workers; "
                    "raise it (ulimit -n) or lower --max-connections",
                    surroundings.descriptors, by_descriptors, listeners, limits.workers)};
  }
  std::size_t connections = std::min(kMostConnections, by_descriptors);
  if (surroundings.memory > 0) {
    const std::size_t memory = surroundings.memory > kMemoryForProcess ? surroundings.memory - kMemoryForProcess : 0;
    connections = std::min(connections, std::max<std::size_t>(memory / kMemoryForConnection, 1));
  }
  limits.connections = settings.limits.max_connections.value_or(static_cast<std::uint32_t>(connections));
  limits.handshakes = settings.limits.max_handshakes.value_or(
      static_cast<std::uint32_t>(std::max(kFewestHandshakes, limits.connections / 10)));
  return limits;
}

}  // namespace sidelock
