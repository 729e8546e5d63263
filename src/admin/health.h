// The answers of /livez, /startupz and /readyz, and the words for them.
#pragma once

#include <string_view>
#include <vector>

#include "admin/http_server.h"
#include "admin/snapshot.h"
#include "base/json_writer.h"

namespace sidelock {

// 200 when no check has failed, else 503. The body has the verdict, "`what`" or "not `what`", and a line for each
// check; as JSON when the request asks for that by ?format=json or by Accept.
HttpResponse health_response(std::string_view what, const std::vector<HealthCheck>& checks, const HttpRequest& request);

std::string_view name_of(HealthCheck::State state);  // "ok", "warning", "failed"

// Adds the member "checks", an array.
void add_checks(JsonWriter& json, const std::vector<HealthCheck>& checks);

}  // namespace sidelock
