// The backend on legacy x_tables, through libiptc.
// Holds the xtables lock as long as it lives, unless it is only for reading.
#pragma once

#include <chrono>

#include "netsetup/backend.h"
#include "netsetup/iptables/lock.h"

namespace sidelock::iptables {

class IptablesBackend final : public Backend {
 public:
  // `patience`: how long to wait for the lock, and for a table that others keep changing.
  explicit IptablesBackend(std::chrono::milliseconds patience) : patience_{patience}, lock_{patience} {}

  // For read() and foreign() alone: the lock keeps writers apart, and a reader sees one whole version of a table
  // anyway.
  struct ForReading {};
  explicit IptablesBackend(ForReading /*tag*/) : patience_{0} {}

  [[nodiscard]] BackendKind kind() const override { return BackendKind::kIptables; }
  void apply(const Plan& plan) override;
  Plan read() override;
  Foreign foreign(BackendKind ours) override;
  bool remove() override;

 private:
  bool replace(Family family, const TablePlan& wanted);

  std::chrono::milliseconds patience_;
  XtablesLock lock_;
};

}  // namespace sidelock::iptables
