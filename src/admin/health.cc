// See health.h.
#include "admin/health.h"

#include <algorithm>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace sidelock {

namespace {

std::string_view name(HealthCheck::State state) {
  switch (state) {
    case HealthCheck::State::kOk: return "ok";
    case HealthCheck::State::kWarning: return "warning";
    case HealthCheck::State::kFailed: break;
  }
  return "failed";
}

bool is_json_wanted(const HttpRequest& request) {
  if (request.query == "format=json") return true;
  return request.query != "format=text" && request.accept.find("application/json") != std::string_view::npos;
}

}  // namespace

HttpResponse health_response(std::string_view what, const std::vector<HealthCheck>& checks,
                             const HttpRequest& request) {
  const bool is_well =
      std::ranges::none_of(checks, [](const HealthCheck& check) { return check.state == HealthCheck::State::kFailed; });
  const std::string verdict = fmt::format("{}{}", is_well ? "" : "not ", what);
  HttpResponse response;
  response.status = is_well ? 200 : 503;
  if (!is_json_wanted(request)) {
    response.body = verdict + '\n';
    for (const HealthCheck& check : checks) {
      response.body += fmt::format("{:<8}{}: {}\n", name(check.state), check.name, check.text);
    }
    return response;
  }
  nlohmann::ordered_json body;
  body["status"] = verdict;
  body["checks"] = nlohmann::ordered_json::array();
  for (const HealthCheck& check : checks) {
    body["checks"].push_back({{"name", check.name}, {"status", name(check.state)}, {"message", check.text}});
  }
  response.content_type = "application/json";
  response.body = body.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace) + '\n';
  return response;
}

}  // namespace sidelock
