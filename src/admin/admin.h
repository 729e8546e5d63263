// What is served on --admin-address: the paths, and nothing else.
#pragma once

#include <functional>

#include "admin/http_server.h"
#include "admin/snapshot.h"

namespace sidelock {

// How run is asked. Called in the server's thread, while the server lives.
struct AdminSources {
  std::function<HealthReport()> health;
  std::function<Snapshot()> snapshot;
};

HttpServer::Handler admin_paths(AdminSources sources);

}  // namespace sidelock
