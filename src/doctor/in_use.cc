// See in_use.h. By the rules themselves, so that no setting is needed for it.
#include "doctor/in_use.h"

#include <set>

#include <fmt/format.h>

#include "doctor/live_rules.h"
#include "doctor/processes.h"
#include "doctor/sockets.h"

namespace sidelock {

namespace {

std::set<std::uint16_t> capture_ports(const Plan& plan) {
  std::set<std::uint16_t> ports;
  for (const FamilyPlan& family : plan.families) {
    for (const TablePlan& table : family.tables) {
      for (const Hook& hook : table.hooks) ports.insert(hook.rule.to_port);
      for (const Chain& chain : table.chains) {
        for (const Rule& rule : chain.rules) ports.insert(rule.to_port);
      }
    }
  }
  return ports;
}

}  // namespace

std::string who_serves_captured_connections() {
  const std::set<std::uint16_t> ports = capture_ports(read_live_rules().ours);
  for (const WaitingSocket& socket : listening_tcp_sockets()) {
    if (!ports.contains(socket.local.port)) continue;
    return fmt::format("{} listens on {}", holder_of(socket, socket_owners()), socket.local.to_string());
  }
  return {};
}

}  // namespace sidelock
