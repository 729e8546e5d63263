// How many connections a container holds.
#include "policy/limits.h"

#include <gtest/gtest.h>

#include "base/error.h"

namespace sidelock {
namespace {

constexpr std::size_t kMiB = std::size_t{1} << 20U;

Settings one_port() {
  Settings settings;
  settings.captured_ports.push_back({80, {}});
  return settings;
}

TEST(Limits, WorkersFollowTheQuotaRoundedUpAndNeverTheNode) {
  EXPECT_EQ(resolve_limits(one_port(), {0.1, 100'000, 0}).workers, 1U);
  EXPECT_EQ(resolve_limits(one_port(), {1.5, 100'000, 0}).workers, 2U);
  Settings settings = one_port();
  settings.process.workers = 3;
  EXPECT_EQ(resolve_limits(settings, {1.5, 100'000, 0}).workers, 3U);
}

TEST(Limits, TheScarcestResourceDecides) {
  EXPECT_EQ(resolve_limits(one_port(), {1, 1'000'000, 0}).connections, 10'000U);
  EXPECT_EQ(resolve_limits(one_port(), {1, 1035, 0}).connections, 500U);
  EXPECT_EQ(resolve_limits(one_port(), {1, 1'000'000, 64 * kMiB}).connections, 409U);
  EXPECT_EQ(resolve_limits(one_port(), {1, 1'000'000, 16 * kMiB}).connections, 1U);
}

TEST(Limits, AClientMayHaveSentHalfAChainOfCertificates) {
  Settings settings = one_port();
  settings.tls.client_ca_file = "ca.crt";
  EXPECT_EQ(resolve_limits(settings, {1, 1'000'000, 64 * kMiB}).connections, 292U);
}

TEST(Limits, HandshakesAreATenthButNeverFewerThanSixtyFour) {
  EXPECT_EQ(resolve_limits(one_port(), {1, 1'000'000, 0}).handshakes, 1000U);
  EXPECT_EQ(resolve_limits(one_port(), {1, 1035, 0}).handshakes, 64U);
}

TEST(Limits, TheAdminListenerHasDescriptorsOfItsOwn) {
  Settings settings = one_port();
  settings.admin.address = Endpoint{IpAddress::any(AF_INET6), 19080};
  EXPECT_EQ(resolve_limits(settings, {1, 1035, 0}).connections, 480U);
  // The status page is served by the same thread, to as many clients with the other's together.
  settings.admin.status_address = Endpoint{IpAddress::loopback(AF_INET), 19081};
  EXPECT_EQ(resolve_limits(settings, {1, 1035, 0}).connections, 480U);
  settings.admin.address.reset();
  EXPECT_EQ(resolve_limits(settings, {1, 1035, 0}).connections, 480U);
}

TEST(Limits, MoreConnectionsThanDescriptorsAreRefusedAtTheStart) {
  Settings settings = one_port();
  settings.limits.max_connections = 501;
  EXPECT_THROW(resolve_limits(settings, {1, 1035, 0}), Failure);
  EXPECT_THROW(resolve_limits(one_port(), {1, 20, 0}), Failure);
}

}  // namespace
}  // namespace sidelock
