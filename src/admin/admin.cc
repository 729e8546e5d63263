// See admin.h.
#include "admin/admin.h"

#include <chrono>

#include "admin/health.h"
#include "admin/metrics.h"

namespace sidelock {

namespace {

// All who ask within a second get the same text: a flood of scrapes costs one a second, and slow readers share memory.
class SharedMetrics {
 public:
  HttpResponse get(const std::function<Snapshot()>& look) {
    const auto now = std::chrono::steady_clock::now();
    if (!text_ || now - made_at_ >= std::chrono::seconds{1}) {
      text_ = std::make_shared<const std::string>(metrics_text(look(), process_facts()));
      made_at_ = now;
    }
    return {.content_type = "text/plain; version=0.0.4; charset=utf-8", .shared_body = text_};
  }

 private:
  std::shared_ptr<const std::string> text_;
  std::chrono::steady_clock::time_point made_at_;
};

}  // namespace

HttpServer::Handler admin_paths(AdminSources sources) {
  return [sources = std::move(sources),
          metrics = std::make_shared<SharedMetrics>()](const HttpRequest& request) -> HttpResponse {
    if (request.path == "/livez") return health_response("live", sources.health().live, request);
    if (request.path == "/startupz") return health_response("started", sources.health().started, request);
    if (request.path == "/readyz") return health_response("ready", sources.health().ready, request);
    if (request.path == "/metrics") return metrics->get(sources.snapshot);
    return {.status = 404, .body = "there are /livez, /readyz, /startupz and /metrics\n"};
  };
}

}  // namespace sidelock
