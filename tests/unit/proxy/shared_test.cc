// What the workers share: our own connections to the app.
#include "proxy/shared.h"

#include <optional>

#include <gtest/gtest.h>

namespace sidelock {
namespace {

TEST(UpstreamConnections, AreKnownWhileAnyWithTheseEndsLives) {
  UpstreamConnections known;
  const IpAddress loopback = *IpAddress::parse("127.0.0.1");
  const UpstreamConnections::Ends ends{{loopback, 40000}, {loopback, 8080}};
  std::optional<UpstreamConnections::Place> first;
  std::optional<UpstreamConnections::Place> second;
  EXPECT_FALSE(known.contains(ends));
  first.emplace(known, ends);
  second.emplace(known, ends);  // the kernel gave them anew while the first was still about to be forgotten
  first.reset();
  EXPECT_TRUE(known.contains(ends));
  second.reset();
  EXPECT_FALSE(known.contains(ends));
}

}  // namespace
}  // namespace sidelock
