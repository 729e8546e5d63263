// --port-policy: its forms, what it wins over, and what cannot stand together.
#include <gmock/gmock.h>

#include "config/option_table.h"
#include "config/policy_keys.h"
#include "unit/config/given.h"

namespace sidelock {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::StartsWith;

// Of `run --ports 80,443,8000-8010` with these flags.
PortPolicy policy_of(std::uint16_t port, Words flags, const Words& environment = {}) {
  flags.insert(flags.begin(), {"run", "--ports", "80,443,8000-8010"});
  for (const CapturedPort& captured : parsed(flags, environment).settings.captured_ports) {
    if (captured.port == port) return captured.policy;
  }
  ADD_FAILURE() << "port " << port << " is not captured";
  return {};
}

std::string refused(const std::string& policies, Words flags = {}) {
  flags.insert(flags.begin(), {"run", "--ports", "80,443,8000-8010", "--port-policy", policies});
  return refusal(flags);
}

TEST(PortPolicy, WinsOverTheGlobalSettingOnItsPortsAlone) {
  const Words flags{
      "--on-truncation", "fin", "--alpn", "h2", "--port-policy", "8001-8002: on-truncation = reset, upstream=loopback"};
  EXPECT_EQ(policy_of(8000, flags).on_truncation, OnTruncation::kFin);
  for (const std::uint16_t port : {std::uint16_t{8001}, std::uint16_t{8002}}) {
    EXPECT_EQ(policy_of(port, flags).on_truncation, OnTruncation::kReset);
    EXPECT_EQ(policy_of(port, flags).upstream, UpstreamMode::kLoopback);
    EXPECT_THAT(policy_of(port, flags).tls.alpn, ElementsAre("h2"));
  }
  EXPECT_EQ(policy_of(8003, flags).upstream, UpstreamMode::kOriginal);
}

TEST(PortPolicy, RepeatsAKeyForAList) {
  const PortPolicy policy = policy_of(80, {"--port-policy", "80:alpn=h2,upstream=loopback,alpn=http/1.1"});
  EXPECT_EQ(policy.tls.alpn_mode, AlpnMode::kList);
  EXPECT_THAT(policy.tls.alpn, ElementsAre("h2", "http/1.1"));
}

TEST(PortPolicy, CanTakeTheGlobalSettingBack) {
  const Words global{"--alpn", "h2", "--upstream", "192.0.2.1", "--port-policy"};
  Words flags = global;
  flags.emplace_back("80:alpn=,upstream=original");
  EXPECT_EQ(policy_of(80, flags).tls.alpn_mode, AlpnMode::kIgnore);
  EXPECT_EQ(policy_of(80, flags).upstream, UpstreamMode::kOriginal);
  flags.back() = "80:alpn=auto";
  EXPECT_EQ(policy_of(80, flags).tls.alpn_mode, AlpnMode::kAuto);
  EXPECT_EQ(policy_of(80, flags).upstream_address, IpAddress::parse("192.0.2.1"));
}

TEST(PortPolicy, MayBeGivenSeveralTimesOrWithSemicolons) {
  const Words flags{"--port-policy", "80:alpn=a", "--port-policy", "443:alpn=b;8000:alpn=c"};
  EXPECT_THAT(policy_of(80, flags).tls.alpn, ElementsAre("a"));
  EXPECT_THAT(policy_of(443, flags).tls.alpn, ElementsAre("b"));
  EXPECT_THAT(policy_of(8000, flags).tls.alpn, ElementsAre("c"));
  const Words lines{"SIDELOCK_PORT_POLICY=80:alpn=a;\n443:alpn=b\n"};
  EXPECT_THAT(policy_of(443, {}, lines).tls.alpn, ElementsAre("b"));
  const ConfigFile file{"port-policy = 80:alpn=a  # the app\nport-policy = 443:alpn=b;8000:alpn=c\n"};
  EXPECT_THAT(policy_of(80, {"--config", file.path()}).tls.alpn, ElementsAre("a"));
  EXPECT_THAT(policy_of(8000, {"--config", file.path()}).tls.alpn, ElementsAre("c"));
}

TEST(PortPolicy, OfOtherFormsIsRefused) {
  const std::string form =
      "; allowed: PORT[-PORT]:KEY=VALUE,KEY=VALUE... with ; between policies, such as 8080:alpn=h2,alpn=http/1.1";
  EXPECT_EQ(refused("80"), "--port-policy: \"80\" has no colon behind the port" + form);
  EXPECT_EQ(refused("80:"), "--port-policy: \"80:\" says nothing of its ports" + form);
  EXPECT_EQ(refused(":alpn=h2"), "--port-policy: \"\" is neither a port nor a range of ports" + form);
  for (const char* ports : {"0", "http", "80,443", "90-80", "80-", "65536", "*"}) {
    EXPECT_THAT(refused(std::string{ports} + ":alpn=h2"), HasSubstr("is neither a port nor a range of ports")) << ports;
  }
  for (const char* text : {"80:alpn=h2;", ";80:alpn=h2", "80:alpn=h2,", "80:,alpn=h2", "80:alpn=h2;;443:alpn=h2"}) {
    EXPECT_THAT(refused(text), HasSubstr("has an empty item")) << text;
  }
  EXPECT_EQ(refused("80:alpn=h2,http/1.1"),
            "--port-policy: \"http/1.1\" is not KEY=VALUE; allowed: a key for each value: a list is written "
            "alpn=h2,alpn=http/1.1");
}

TEST(PortPolicy, KnowsOnlyTheSettingsOfPorts) {
  for (const char* key : {"", "alpm", "idle-timeout", "ports", "tls-dir", "ALPN", "port-policy"}) {
    EXPECT_THAT(
        refused("80:" + std::string{key} + "=x"),
        StartsWith("--port-policy: \"" + std::string{key} + "\" is not a setting that a port can have; allowed: "))
        << key;
  }
  EXPECT_THAT(refused("80:x=y"), HasSubstr("upstream, on-truncation, "));
}

TEST(PortPolicy, IsParsedLikeTheGlobalSettingAndNamedWithItsPort) {
  EXPECT_EQ(refused("80:alpn=h2;8000-8001:on-truncation=later"),
            "--port-policy 8000-8001: on-truncation: \"later\" is not one of its values; allowed: auto, reset, fin");
  EXPECT_EQ(
      refusal({"cleanup"}, {"SIDELOCK_PORT_POLICY=80:upstream=localhost"}),
      "SIDELOCK_PORT_POLICY 80: upstream: \"localhost\" is no address; allowed: original, loopback, or an address "
      "of the pod");
  EXPECT_EQ(refused("80:on-truncation=fin,on-truncation=reset"),
            "--port-policy 80: on-truncation: \"reset\" is its second value, after \"fin\"; allowed: one value");
  EXPECT_THAT(refused("80:alpn=h2,alpn=auto"), StartsWith("--port-policy 80: alpn: \"auto\" cannot stand in a list"));
}

TEST(PortPolicy, IsOneForEachPort) {
  for (const char* text : {"80:alpn=a;80:upstream=loopback", "8000-8005:alpn=a;8005-8010:alpn=b",
                           "8000-8010:alpn=a;8003:alpn=b", "8003:alpn=a;8000-8010:alpn=b"}) {
    EXPECT_THAT(refused(text), HasSubstr("meets the policy of ")) << text;
  }
  EXPECT_THAT(refused("80:alpn=a", {"--port-policy", "80:alpn=b"}), HasSubstr("allowed: one policy for each port"));
}

TEST(PortPolicy, SpeaksOfPortsThatAreServed) {
  EXPECT_EQ(refused("81:alpn=a"), "--port-policy: \"81\" has port 81, which is not served; allowed: ports of --ports");
  EXPECT_THAT(refused("8005-8012:alpn=a"), HasSubstr("\"8005-8012\" has port 8011, which is not served"));
  EXPECT_THAT(refused("80:alpn=a", {"--exclude-ports", "80"}), HasSubstr("has port 80, which is not served"));
  // Only run serves.
  EXPECT_EQ(parsed({"init", "--ports", "80", "--port-policy", "81:alpn=a"}).command, Command::kInit);
}

TEST(PortPolicy, OfAListenerGoesByItsOwnPort) {
  const auto listening = [](const std::string& policies) {
    return Words{"run",           "--capture", "none", "--listen", "8443=8080,192.0.2.1:443=80,192.0.2.2:443=81",
                 "--port-policy", policies};
  };
  const auto listeners = parsed(listening("443:alpn=h2")).settings.listeners;
  EXPECT_EQ(listeners.at(0).policy.tls.alpn_mode, AlpnMode::kAuto);
  EXPECT_THAT(listeners.at(1).policy.tls.alpn, ElementsAre("h2"));
  EXPECT_THAT(listeners.at(2).policy.tls.alpn, ElementsAre("h2"));
  EXPECT_EQ(listeners.at(2).policy.app_port, 81);
  EXPECT_EQ(refusal(listening("8080:alpn=h2")),
            "--port-policy: \"8080\" has port 8080, which is not served; allowed: ports of --listen");
  EXPECT_EQ(refusal(listening("443:upstream=loopback")),
            "--port-policy 443: upstream: has no meaning with --capture none; allowed: --listen "
            "[ADDRESS:]PORT=[ADDRESS:]PORT");
}

TEST(PolicyKeys, AreGlobalSettingsToo) {
  for (const PolicyKey& key : policy_keys()) {
    const OptionSpec* const option = find_option(key.name);
    ASSERT_NE(option, nullptr) << key.name;
    EXPECT_THAT(help_text(), HasSubstr("--" + std::string{key.name}));
  }
}

}  // namespace
}  // namespace sidelock
