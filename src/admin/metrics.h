// The metrics, in Prometheus' text format. docs/operations.md lists them; their names are an interface.
#pragma once

#include <string>
#include <vector>

#include "admin/process.h"
#include "admin/snapshot.h"

namespace sidelock {

std::string metrics_text(const Snapshot& snapshot, const ProcessFacts& process);

}  // namespace sidelock
