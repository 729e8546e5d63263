// The iptables backend: legacy x_tables through libiptc.
#pragma once

#include "netsetup/backend.h"

namespace sidelock::iptables {

class IptablesBackend final : public Backend {
 public:
  // `ip_family` decides what a kernel without IPv6 means: skipped under auto, a failure under ipv6 and dual.
  IptablesBackend(IpFamily ip_family, std::chrono::milliseconds lock_wait);

  void apply(const Plan& plan) override;
  std::vector<TableState> read(const Plan& plan, const std::vector<PortRange>& ports) override;

  // Whether the table has chains of a node's own network set-up (kube-proxy's KUBE-*). Looks only when the table exists.
  static bool has_node_chains();

 private:
  [[nodiscard]] bool is_usable(const TablePlan& table) const;

  IpFamily ip_family_;
  std::chrono::milliseconds lock_wait_;
};

}  // namespace sidelock::iptables
