// See plaintext_notice.h.
#include "run/plaintext_notice.h"

#include <algorithm>
#include <vector>

#include <fmt/format.h>

namespace sidelock {

std::string plaintext_notice(const Settings& settings) {
  std::vector<std::uint16_t> open;
  const auto add = [&](std::uint16_t port, const PortPolicy& policy) {
    if (policy.tls.is_plaintext_allowed) open.push_back(port);
  };
  for (const CapturedPort& captured : settings.captured_ports) add(captured.port, captured.policy);
  for (const ExplicitListener& listener : settings.listeners) add(listener.port, listener.policy);
  std::sort(open.begin(), open.end());

  std::string ports;
  for (std::size_t i = 0; i < open.size();) {
    std::size_t last = i;
    while (last + 1 < open.size() && open[last + 1] <= open[last] + 1) ++last;
    ports += (ports.empty() ? "" : ",") + std::to_string(open[i]);
    if (open[last] != open[i]) ports += fmt::format("-{}", open[last]);
    i = last + 1;
  }
  if (settings.capture.is_any_port && settings.any_port.tls.is_plaintext_allowed) {
    ports += ports.empty() ? "*" : " and every port without a policy of its own";
  }
  if (ports.empty()) return {};
  return fmt::format("--plaintext allow: clients without TLS reach the app on port(s) {}; for moving them to TLS only",
                     ports);
}

}  // namespace sidelock
