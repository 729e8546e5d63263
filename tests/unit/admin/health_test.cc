// The answers of the health paths, as people and machines get them.
#include "admin/health.h"

#include <gtest/gtest.h>

namespace sidelock {
namespace {

using State = HealthCheck::State;

TEST(HealthResponse, SaysTheVerdictAndALineForEachCheck) {
  const auto response = health_response(
      "ready", {{"credential", State::kWarning, "EXPIRED"}, {"capture", State::kOk, "proven"}}, {.path = "/readyz"});
  EXPECT_EQ(response.status, 200U);
  EXPECT_EQ(response.content_type, "text/plain; charset=utf-8");
  EXPECT_EQ(response.body, "ready\nwarning credential: EXPIRED\nok      capture: proven\n");
}

TEST(HealthResponse, OneFailedCheckIsEnough) {
  const auto response =
      health_response("ready", {{"a", State::kOk, "well"}, {"b", State::kFailed, "not well"}}, {.path = "/readyz"});
  EXPECT_EQ(response.status, 503U);
  EXPECT_EQ(response.body, "not ready\nok      a: well\nfailed  b: not well\n");
}

TEST(HealthResponse, IsJsonForThoseWhoAskForIt) {
  const std::vector<HealthCheck> checks{{"a", State::kFailed, "\"quoted\" \xff"}};
  const std::string json =
      "{\"status\":\"not live\",\"checks\":[{\"name\":\"a\",\"status\":\"failed\",\"message\":\"\\\"quoted\\\" "
      "\xef\xbf\xbd\"}]}\n";
  for (const HttpRequest& request : {HttpRequest{.query = "format=json"}, {.accept = "application/json, */*"}}) {
    const auto response = health_response("live", checks, request);
    EXPECT_EQ(response.content_type, "application/json");
    EXPECT_EQ(response.body, json);
  }
  for (const HttpRequest& request :
       {HttpRequest{}, {.accept = "*/*"}, {.query = "format=text", .accept = "application/json"}}) {
    EXPECT_EQ(health_response("live", checks, request).body.substr(0, 9), "not live\n");
  }
}

}  // namespace
}  // namespace sidelock
