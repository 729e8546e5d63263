// Sums up what the workers have counted, as the admin server wants it.
#pragma once

#include <memory>
#include <vector>

#include "admin/snapshot.h"
#include "proxy/worker.h"

namespace sidelock {

// One entry for each label, over all workers. Any thread; the values are of slightly different moments.
std::vector<PortSnapshot> observe_ports(const std::vector<std::unique_ptr<Worker>>& workers);

}  // namespace sidelock
