// Serves the admin address and the status page: puts together what the supervisor and the workers know.
#pragma once

#include <memory>
#include <vector>

#include "admin/http_server.h"
#include "admin/snapshot.h"
#include "admin/status.h"
#include "policy/limits.h"
#include "proxy/worker.h"
#include "run/health.h"
#include "run/pulse.h"

namespace sidelock {

// Made, started and destroyed in the main thread; answers in the admin server's.
class AdminService {
 public:
  // All of it outlives the service.
  struct Watched {
    Reactor& supervisor;
    const Health& health;
    const std::vector<std::unique_ptr<Worker>>& workers;
    const ProcessLimits& limits;
  };

  AdminService(const Settings& settings, Watched watched);

  // Starts to answer at the listeners that are open. Call once.
  void serve(Fd admin, Fd status);

 private:
  HealthReport health();
  [[nodiscard]] Snapshot snapshot() const;
  StatusFacts status();

  const Settings& settings_;
  Watched watched_;
  Pulse pulse_;
  HttpServer server_;  // first to be destroyed: it asks the others
};

}  // namespace sidelock
