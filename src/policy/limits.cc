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
// The most that one holds, which is while its client leaves a handshake unfinished: the longest ClientHello that is
// taken, our answer, and OpenSSL's state (58 KiB with OpenSSL 3.0, up to 14 more with 3.5). A quiet one holds a quarter
// of that.
constexpr std::size_t kMemoryForConnection = std::size_t{80} << 10U;
// A chain of client certificates that has not come whole (tls/client_trust.cc bounds it).
constexpr std::size_t kMemoryForClientChain = std::size_t{32} << 10U;
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
    const std::size_t chain = settings.tls.client_ca_file.empty() ? 0 : kMemoryForClientChain;
    connections = std::min(connections, std::max<std::size_t>(memory / (kMemoryForConnection + chain), 1));
  }
  limits.connections = settings.limits.max_connections.value_or(static_cast<std::uint32_t>(connections));
  limits.handshakes = settings.limits.max_handshakes.value_or(
      static_cast<std::uint32_t>(std::max(kFewestHandshakes, limits.connections / 10)));
  return limits;
}

}  // namespace sidelock
