// The pure decisions: who is served, where the app is dialled, what a bare end means.
#include <vector>

#include <gtest/gtest.h>

#include "config/capture_contract.h"
#include "policy/destination.h"
#include "policy/truncation.h"
#include "policy/upstream_address.h"

namespace sidelock {
namespace {

Endpoint endpoint(const char* address, unsigned port) {
  return {*IpAddress::parse(address), static_cast<std::uint16_t>(port)};
}

Settings settings_for(std::vector<std::uint16_t> ports) {
  Settings settings;
  for (const std::uint16_t port : ports) {
    settings.capture.ports.push_back({port, port});
    settings.captured_ports.push_back({port, {}});
    settings.captured_ports.back().policy.app_port = port;
  }
  return settings;
}

TEST(DestinationPolicy, ServesConfiguredPortsOfThisPodOnly) {
  const Settings settings = settings_for({80, 443});
  const DestinationPolicy policy{settings};
  const std::uint16_t probe = probe_port(settings.capture);
  struct Case {
    Endpoint destination;
    bool is_own;
    bool is_upstream;
    Verdict verdict;
  };
  const std::vector<Case> cases{
      {endpoint("10.0.0.2", 80), true, false, Verdict::kServe},
      {endpoint("fd00::2", 443), true, false, Verdict::kServe},
      {endpoint("10.0.0.2", 81), true, false, Verdict::kNotConfigured},
      {endpoint("10.0.0.2", 19100), true, false, Verdict::kNotCaptured},
      {endpoint("10.0.0.2", 19101), true, false, Verdict::kNotCaptured},
      {endpoint("10.0.0.2", 19102), true, false, Verdict::kNotConfigured},
      {endpoint("203.0.113.5", 80), false, false, Verdict::kForeignDestination},
      {endpoint("127.0.0.1", 80), true, false, Verdict::kForeignDestination},
      {endpoint("::1", 80), true, false, Verdict::kForeignDestination},
      {endpoint("224.0.0.1", 80), true, false, Verdict::kForeignDestination},
      {endpoint("0.0.0.0", 80), true, false, Verdict::kForeignDestination},
      {endpoint("10.0.0.2", 80), true, true, Verdict::kLoop},
      {endpoint("127.0.0.1", probe), true, false, Verdict::kProbe},
      {endpoint("::1", probe), true, false, Verdict::kProbe},
      {endpoint("10.0.0.2", probe), true, false, Verdict::kNotConfigured},
  };
  for (const Case& c : cases) {
    const Arrival arrival{{endpoint("10.0.0.9", 4000)}, {c.destination}, c.is_own, c.is_upstream};
    const Judgement judgement = policy.judge(arrival);
    EXPECT_EQ(judgement.verdict, c.verdict) << c.destination.to_string();
    EXPECT_EQ(judgement.policy != nullptr, c.verdict == Verdict::kServe) << c.destination.to_string();
  }
}

TEST(DestinationPolicy, ServesAnyCapturedPortByOnePolicyAndListedOnesByTheirs) {
  Settings settings = settings_for({80});
  settings.capture.is_any_port = true;
  settings.capture.ports = {{1, 19098}, {19102, 32767}};
  const DestinationPolicy policy{settings};
  const auto judge = [&](unsigned port) {
    return policy.judge({{endpoint("10.0.0.9", 4000)}, {endpoint("10.0.0.2", port)}, true, false});
  };
  EXPECT_EQ(judge(80).policy, &settings.captured_ports[0].policy);
  EXPECT_EQ(judge(81).policy, &settings.any_port);
  EXPECT_EQ(judge(32767).policy, &settings.any_port);
  EXPECT_EQ(judge(32768).verdict, Verdict::kNotConfigured);
  EXPECT_EQ(judge(19100).verdict, Verdict::kNotCaptured);
  EXPECT_EQ(judge(19101).verdict, Verdict::kNotConfigured);
}

TEST(DestinationPolicy, LeadsNobodyToTheStatusPage) {
  Settings settings = settings_for({80, 19081});
  settings.capture.is_any_port = true;
  settings.capture.ports = {{1, 19098}};
  settings.admin.status_address = endpoint("127.0.0.1", 19081);
  const Arrival arrival{{endpoint("10.0.0.9", 4000)}, {endpoint("10.0.0.2", 19081)}, true, false};
  EXPECT_EQ(DestinationPolicy{settings}.judge(arrival).verdict, Verdict::kNotConfigured);
  settings.admin.status_address.reset();
  EXPECT_EQ(DestinationPolicy{settings}.judge(arrival).verdict, Verdict::kServe);
}

TEST(PreserveSource, IsPossibleForAllButLinkLocalIpv6) {
  EXPECT_TRUE(can_preserve({endpoint("10.0.0.9", 1)}));
  EXPECT_TRUE(can_preserve({endpoint("169.254.1.1", 1)}));
  EXPECT_TRUE(can_preserve({endpoint("fd00::9", 1)}));
  EXPECT_FALSE(can_preserve({endpoint("fe80::9", 1)}));
}

TEST(UpstreamAddress, IsTheDialledPortWhenThePolicyNamesNone) {
  const PortPolicy policy;
  EXPECT_EQ(upstream_address(policy, {endpoint("10.0.0.2", 443)}).endpoint, endpoint("10.0.0.2", 443));
}

TEST(UpstreamAddress, EachModeHasOneAnswer) {
  const OriginalDestination v4{endpoint("10.0.0.2", 443)};
  const OriginalDestination v6{endpoint("fd00::2", 443)};
  PortPolicy policy;
  policy.app_port = 8080;
  EXPECT_EQ(upstream_address(policy, v4).endpoint, endpoint("10.0.0.2", 8080));
  EXPECT_EQ(upstream_address(policy, v6).endpoint, endpoint("fd00::2", 8080));
  policy.upstream = UpstreamMode::kLoopback;
  EXPECT_EQ(upstream_address(policy, v4).endpoint, endpoint("127.0.0.1", 8080));
  EXPECT_EQ(upstream_address(policy, v6).endpoint, endpoint("::1", 8080));
  policy.upstream = UpstreamMode::kAddress;
  policy.upstream_address = *IpAddress::parse("10.0.0.3");
  EXPECT_EQ(upstream_address(policy, v6).endpoint, endpoint("10.0.0.3", 8080));
}

TEST(Truncation, ABareEndIsJudgedByWhatItCouldHaveCutOff) {
  struct Case {
    OnTruncation setting;
    StreamSoFar stream;
    bool is_clean;
  };
  const StreamSoFar upload{false, true, false, ""};
  const std::vector<Case> cases{
      {OnTruncation::kAuto, upload, false},
      {OnTruncation::kAuto, {false, true, false, "mqtt"}, false},
      {OnTruncation::kAuto, {false, true, false, "http/1.1"}, true},
      {OnTruncation::kAuto, {false, true, false, "http/1.0"}, true},
      {OnTruncation::kAuto, {false, true, false, "h2"}, true},
      {OnTruncation::kAuto, {false, true, false, "grpc-exp"}, true},
      {OnTruncation::kAuto, {true, true, false, ""}, true},
      {OnTruncation::kAuto, {false, false, false, ""}, true},
      {OnTruncation::kAuto, {false, true, true, ""}, true},
      {OnTruncation::kReset, {true, false, true, "h2"}, false},
      {OnTruncation::kFin, upload, true},
  };
  for (const Case& c : cases) EXPECT_EQ(is_bare_end_clean(c.setting, c.stream), c.is_clean);
}

}  // namespace
}  // namespace sidelock
