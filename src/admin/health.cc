// See health.h.
#include "admin/health.h"

#include <algorithm>

#include <fmt/format.h>

namespace sidelock {

namespace {

bool is_json_wanted(const HttpRequest& request) {
  if (request.query == "format=json") return true;
  return request.query != "format=text" && request.accept.find("application/json") != std::string_view::npos;
}

}  // namespace

std::string_view name_of(HealthCheck::State state) {
  switch (state) {
    case HealthCheck::State::kOk: return "ok";
    case HealthCheck::State::kWarning: return "warning";
    case HealthCheck::State::kFailed: break;
  }
  return "failed";
}

void add_checks(JsonWriter& json, const std::vector<HealthCheck>& checks) {
  json.begin_array("checks");
  for (const HealthCheck& check : checks) {
    json.begin_object();
    json.add("name", check.name);
    json.add("status", name_of(check.state));
    json.add("message", check.text);
    json.end_object();
  }
  json.end_array();
}

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
      response.body += fmt::format("{:<8}{}: {}\n", name_of(check.state), check.name, check.text);
    }
    return response;
  }
  JsonWriter body;
  body.add("status", verdict);
  add_checks(body, checks);
  response.content_type = "application/json";
  response.body = body.take() + '\n';
  return response;
}

}  // namespace sidelock
