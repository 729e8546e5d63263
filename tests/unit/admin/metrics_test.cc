// The text that Prometheus gets.
#include "admin/metrics.h"

#include <gmock/gmock.h>

namespace sidelock {
namespace {

using testing::HasSubstr;
using testing::Not;

Snapshot snapshot_with(const PortSnapshot& port) {
  Snapshot snapshot;
  snapshot.ports.push_back(port);
  return snapshot;
}

TEST(Metrics, BucketsAreCumulative) {
  PortSnapshot port;
  port.label = "80";
  port.handshake_duration = {{0.001, 0.01}, {2, 3, 4}, 1.5};
  const std::string text = metrics_text(snapshot_with(port), {});
  EXPECT_THAT(text, HasSubstr("sidelock_handshake_duration_seconds_count{port=\"80\"} 9\n"
                              "sidelock_handshake_duration_seconds_sum{port=\"80\"} 1.5\n"
                              "sidelock_handshake_duration_seconds_bucket{port=\"80\",le=\"0.001\"} 2\n"
                              "sidelock_handshake_duration_seconds_bucket{port=\"80\",le=\"0.01\"} 5\n"
                              "sidelock_handshake_duration_seconds_bucket{port=\"80\",le=\"+Inf\"} 9\n"));
}

TEST(Metrics, LargeCountsAreExact) {
  PortSnapshot port;
  port.label = "80";
  port.sent_to_app = 123'456'789'012'345;
  EXPECT_THAT(metrics_text(snapshot_with(port), {}),
              HasSubstr("sidelock_sent_bytes_total{port=\"80\",peer=\"app\"} 123456789012345\n"));
}

TEST(Metrics, TextFromFilesIsEscaped) {
  Snapshot snapshot;
  snapshot.certificates.push_back({"a\"b\\c\nd", "", {}, std::chrono::system_clock::time_point{}});
  EXPECT_THAT(metrics_text(snapshot, {}),
              HasSubstr("sidelock_certificate_not_after_timestamp_seconds{source=\"a\\\"b\\\\c\\nd\"} 0\n"));
}

TEST(Metrics, TheProofIsToldOnlyWhereThereIsOne) {
  Snapshot snapshot;
  EXPECT_THAT(metrics_text(snapshot, {}), Not(HasSubstr("sidelock_capture_verified")));
  snapshot.is_capture_verified = false;
  EXPECT_THAT(metrics_text(snapshot, {}), HasSubstr("sidelock_capture_verified 0\n"));
  snapshot.is_capture_verified = true;
  EXPECT_THAT(metrics_text(snapshot, {}), HasSubstr("sidelock_capture_verified 1\n"));
}

}  // namespace
}  // namespace sidelock
