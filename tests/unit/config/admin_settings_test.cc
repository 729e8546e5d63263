// Where health is served, and which ports it must not take.
#include "config/admin_settings.h"

#include <gmock/gmock.h>

#include "config/capture_contract.h"
#include "config/port_ranges.h"
#include "unit/config/given.h"

namespace sidelock {
namespace {

using testing::HasSubstr;

TEST(AdminAddress, IsEveryAddressUnlessSomethingElseIsAskedFor) {
  EXPECT_EQ(settings({}).admin.address, (Endpoint{IpAddress::any(AF_INET6), 19080}));
  EXPECT_EQ(settings({"--admin-address", "none"}).admin.address, std::nullopt);
  EXPECT_EQ(settings({"--admin-address", "127.0.0.1:9000"}).admin.address,
            (Endpoint{IpAddress::loopback(AF_INET), 9000}));
  EXPECT_EQ(settings({"--admin-address", "[::1]:9000"}).admin.address, (Endpoint{IpAddress::loopback(AF_INET6), 9000}));
}

TEST(AdminAddress, OfAnotherFormIsRefused) {
  for (const std::string value : {"", "off", "9000", ":9000", "::1:9000", "127.0.0.1", "127.0.0.1:0", "127.0.0.1:65536",
                                  "localhost:9000", "224.0.0.1:9000", "127.0.0.1:9000 "}) {
    EXPECT_THAT(refusal({"run", "--ports", "80", "--admin-address", value}),
                HasSubstr("--admin-address: \"" + value +
                          "\" is not an address with a port; allowed: ADDRESS:PORT such as [::]:19080 or "
                          "127.0.0.1:19080, or none"));
  }
}

TEST(AdminAddress, HasAPortThatIsNeitherCapturedNorACapturePort) {
  for (const std::string command : {"init", "run"}) {
    EXPECT_THAT(refusal({command, "--ports", "80,19080"}),
                HasSubstr("--admin-address: \"[::]:19080\" has a port of --ports, so that nobody would reach it"));
    for (const std::string port : {"19099", "19100", "19101"}) {
      EXPECT_THAT(refusal({command, "--ports", "80", "--admin-address", "127.0.0.1:" + port}),
                  HasSubstr("has a port from 19099 to 19101, which capture uses"));
    }
    EXPECT_NO_THROW(parsed({command, "--ports", "80,19080", "--exclude-ports", "19080"}));
    EXPECT_NO_THROW(parsed({command, "--ports", "80,19080", "--admin-address", "none"}));
  }
  EXPECT_NO_THROW(parsed({"cleanup", "--ports", "80,19080"}));
}

TEST(AdminAddress, IsNoneOfTheProbeRuleAndOfListen) {
  const std::string probe = std::to_string(probe_port(settings({}).capture));
  EXPECT_THAT(refusal({"run", "--ports", "80", "--admin-address", "[::]:" + probe}),
              HasSubstr("has the port of the probe rule"));
  EXPECT_THAT(refusal({"run", "--capture", "none", "--listen", "19080=80"}), HasSubstr("has a port that --listen has"));
}

TEST(StatusAddress, IsOnLoopbackUnlessSomethingElseIsAskedFor) {
  EXPECT_EQ(settings({}).admin.status_address, (Endpoint{IpAddress::loopback(AF_INET), 19081}));
  EXPECT_EQ(settings({"--status-address", "none"}).admin.status_address, std::nullopt);
  EXPECT_THAT(refusal({"run", "--ports", "80", "--status-address", "yes"}),
              HasSubstr("--status-address: \"yes\" is not an address with a port"));
}

TEST(StatusAddress, HasAPortOfItsOwn) {
  EXPECT_THAT(refusal({"run", "--ports", "80", "--status-address", "127.0.0.1:19080"}),
              HasSubstr("--status-address: \"127.0.0.1:19080\" has the port of --admin-address"));
  EXPECT_NO_THROW(parsed({"run", "--ports", "80", "--status-address", "[::1]:19080", "--admin-address", "none"}));
  EXPECT_THAT(refusal({"run", "--ports", "80,19081"}), HasSubstr("has a port of --ports"));
  EXPECT_THAT(refusal({"run", "--ports", "80", "--status-address", "127.0.0.1:19100"}),
              HasSubstr("which capture uses"));
}

TEST(StatusAddress, OnLoopbackStaysCapturedWithEveryPortAndElsewhereDoesNot) {
  const auto has = [](const Words& flags) {
    Words words{"run", "--ports", "*"};
    words.insert(words.end(), flags.begin(), flags.end());
    return contains(parsed(words).settings.capture.ports, 19081);
  };
  EXPECT_TRUE(has({}));
  EXPECT_FALSE(has({"--status-address", "[::]:19081"}));
  EXPECT_TRUE(has({"--status-address", "none"}));
}

TEST(ReadyNeeds, KnowsOneThing) {
  EXPECT_FALSE(settings({}).admin.is_valid_certificate_needed);
  EXPECT_TRUE(settings({"--ready-needs", "valid-certificate"}).admin.is_valid_certificate_needed);
  EXPECT_EQ(refusal({"run", "--ports", "80", "--ready-needs", "luck"}),
            "--ready-needs: \"luck\" is nothing that readiness knows; allowed: valid-certificate, or nothing");
}

}  // namespace
}  // namespace sidelock
