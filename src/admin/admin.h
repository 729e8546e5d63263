// What is served on --admin-address: the paths, and nothing else.
#pragma once

#include <functional>

#include "admin/http_server.h"
#include "admin/snapshot.h"

namespace sidelock {

// Answers for the admin address. `look` is called for each request, in the server's thread.
HttpServer::Handler admin_paths(std::function<Snapshot()> look);

}  // namespace sidelock
