// See health.h.
#include "admin/health.h"

#include <algorithm>

#include <fmt/format.h>

#include "base/json_writer.h"

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
  JsonWriter body;
  body.add("status", verdict);
  body.begin_array("checks");
  for (const HealthCheck& check : checks) {
    body.begin_object();
    body.add("name", check.name);
    body.add("status", name(check.state));
    body.add("message", check.text);
    body.end_object();
  }
  body.end_array();
  response.content_type = "application/json";
  response.body = body.take() + '\n';
  return response;
}

}  // namespace sidelock
