// See admin.h.
#include "admin/admin.h"

#include "admin/health.h"

namespace sidelock {

HttpServer::Handler admin_paths(std::function<Snapshot()> look) {
  return [look = std::move(look)](const HttpRequest& request) -> HttpResponse {
    if (request.path == "/livez") return health_response("live", look().live, request);
    if (request.path == "/startupz") return health_response("started", look().started, request);
    if (request.path == "/readyz") return health_response("ready", look().ready, request);
    return {.status = 404, .body = "there are /livez, /startupz and /readyz\n"};
  };
}

}  // namespace sidelock
