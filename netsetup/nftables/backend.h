// The backend on nf_tables, through libnftnl and libmnl. Needs NET_ADMIN and no lock: the kernel takes each transaction
// as one.
#pragma once

#include <chrono>

#include "netsetup/backend.h"

namespace sidelock::nftables {

class NftablesBackend final : public Backend {
 public:
  // `patience`: how long to read again while others keep changing rules.
  explicit NftablesBackend(std::chrono::milliseconds patience) : patience_{patience} {}

  [[nodiscard]] BackendKind kind() const override { return BackendKind::kNftables; }
  void apply(const Plan& plan) override;
  Plan read() override;
  Foreign foreign(BackendKind ours) override;
  bool remove() override;

 private:
  std::chrono::milliseconds patience_;
};

}  // namespace sidelock::nftables
