// Each kind of value: what is taken, and what the refusal of anything else says.
#include <gmock/gmock.h>

#include "unit/config/given.h"

namespace sidelock {
namespace {

using std::chrono::milliseconds;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

std::string refused(const std::string& flag, const std::string& value) {
  return refusal({"run", "--ports", "80", "--" + flag, value});
}

TEST(Durations, HaveAUnit) {
  const struct {
    const char* text;
    milliseconds duration;
  } kCases[] = {{"0", milliseconds{0}},           {"0s", milliseconds{0}},         {"500ms", milliseconds{500}},
                {"10s", milliseconds{10'000}},    {"5m", std::chrono::minutes{5}}, {"1h", std::chrono::hours{1}},
                {"500h", std::chrono::hours{500}}};
  for (const auto& [text, duration] : kCases)
    EXPECT_EQ(settings({"--idle-timeout", text}).limits.idle_timeout, duration) << text;
}

TEST(Durations, OfOtherFormsAreRefused) {
  for (const char* text :
       {"", "10", "s", "-1s", "+1s", "1.5s", "1h30m", "1 s", "10S", "1d", "0x1s", "99999999999s", "5min"}) {
    EXPECT_EQ(refused("idle-timeout", text),
              "--idle-timeout: \"" + std::string{text} +
                  "\" is not a duration; allowed: a number with its unit, such as 500ms, "
                  "10s, 5m or 1h, from 0 to 500h");
  }
}

TEST(Durations, OutsideTheirBoundsAreRefused) {
  EXPECT_THAT(refused("idle-timeout", "501h"), HasSubstr("\"501h\" is too long; allowed: "));
  for (const char* name : {"handshake-timeout", "connect-timeout", "close-timeout", "capture-timeout"}) {
    EXPECT_THAT(refused(name, "0"), HasSubstr("\"0\" is too short; allowed: ")) << name;
    EXPECT_THAT(refused(name, "0"), HasSubstr("from 1ms to 500h")) << name;
  }
  EXPECT_THAT(refused("tcp-keepalive", "10h"), HasSubstr("from 0 to 9h"));
  EXPECT_EQ(refused("tcp-keepalive", "1500ms"),
            "--tcp-keepalive: \"1500ms\" has a fraction of a second; allowed: whole seconds, or 0");
}

TEST(Numbers, AreCheckedAgainstTheirBounds) {
  EXPECT_EQ(settings({"--workers", "4"}).process.workers, 4U);
  EXPECT_EQ(settings({"--workers", "auto"}).process.workers, std::nullopt);
  EXPECT_EQ(settings({"--max-connections-per-client", "0"}).limits.max_connections_per_client, 0U);
  for (const char* text : {"0", "257", "-1", "4x", "", "Auto", "18446744073709551617"}) {
    EXPECT_EQ(refused("workers", text),
              "--workers: \"" + std::string{text} + "\" is not such a number; allowed: auto, or 1 to 256");
  }
  EXPECT_EQ(refused("key-update-limit", "0"), "--key-update-limit: \"0\" is not such a number; allowed: 1 to 1000000");
  EXPECT_EQ(refused("capture-port-base", "1"), "--capture-port-base: \"1\" is not such a number; allowed: 2 to 29998");
}

TEST(Choices, AreNamedInTheRefusal) {
  const struct {
    const char* name;
    const char* allowed;
  } kCases[] = {{"capture", "redirect, tproxy, none"},       {"ip-family", "auto, ipv4, ipv6, dual"},
                {"preserve-source", "off, prefer, require"}, {"proxy-protocol", "off, v1, v2"},
                {"on-truncation", "auto, reset, fin"},       {"when-full", "reset, wait"},
                {"log-format", "auto, plain, json"},         {"log-level", "debug, info, warning, error"}};
  for (const auto& [name, allowed] : kCases) {
    EXPECT_EQ(refused(name, "other"),
              "--" + std::string{name} + ": \"other\" is not one of its values; allowed: " + allowed);
  }
  EXPECT_EQ(settings({"--ip-family", "dual"}).capture.ip_family, IpFamily::kDual);
  EXPECT_EQ(settings({"--log-level", "warning"}).process.log_level, LogLevel::kWarning);
  EXPECT_EQ(settings({"--when-full", "wait"}).limits.when_full, WhenFull::kWait);
}

TEST(AddressBlocks, AreSortedAndUnique) {
  const auto blocks =
      settings({"--exclude-sources", "fd00::/8, 10.1.2.3/8,10.0.0.0/8,192.0.2.1"}).capture.exclude_sources;
  std::vector<std::string> texts;
  for (const Cidr& block : blocks) texts.push_back(block.to_string());
  EXPECT_THAT(texts, ElementsAre("10.0.0.0/8", "192.0.2.1/32", "fd00::/8"));
  for (const char* text : {"10.0.0.0/33", "example.com", "10.0.0/8"}) {
    EXPECT_EQ(refused("exclude-sources", text),
              "--exclude-sources: \"" + std::string{text} +
                  "\" is not an address block; allowed: addresses and blocks, such as 10.0.0.0/8,fd00::/8,192.0.2.1");
  }
  EXPECT_THAT(refused("exclude-sources", "10.0.0.0/8,,"), HasSubstr("has an empty item"));
}

TEST(Interfaces, AreNamesOrWildcards) {
  EXPECT_THAT(settings({"--interfaces", "net+,eth0,eth0"}).capture.interfaces, ElementsAre("eth0", "net+"));
  for (const char* text : {"sixteen-letters0", "a/b", "e+h", "eth 0", "!eth0", "."}) {
    EXPECT_THAT(refused("interfaces", text), HasSubstr("is not an interface name; allowed: names of at most 15"))
        << text;
  }
  EXPECT_EQ(refused("exclude-interfaces", "lo"),
            "--exclude-interfaces: \"lo\" is never captured; allowed: interfaces other than lo");
}

TEST(Upstream, IsAWordOrAnAddress) {
  EXPECT_EQ(settings({}).captured_ports[0].policy.upstream, UpstreamMode::kOriginal);
  EXPECT_EQ(settings({"--upstream", "loopback"}).captured_ports[0].policy.upstream, UpstreamMode::kLoopback);
  const PortPolicy policy = settings({"--upstream", "[2001:db8::1]"}).captured_ports[0].policy;
  EXPECT_EQ(policy.upstream, UpstreamMode::kAddress);
  EXPECT_EQ(policy.upstream_address, IpAddress::parse("2001:db8::1"));
  EXPECT_EQ(refused("upstream", "localhost"),
            "--upstream: \"localhost\" is no address; allowed: original, loopback, or an address of the pod");
  for (const char* text : {"0.0.0.0", "::", "224.0.0.1", "ff02::1", "fe80::1"}) {
    EXPECT_THAT(refused("upstream", text), HasSubstr("is an address that no app can be dialled at")) << text;
  }
}

TEST(Alpn, IsAutoAListOrNothing) {
  const auto policy = [](const Words& flags, const Words& environment = {}) {
    return settings(flags, environment).captured_ports.at(0).policy.tls;
  };
  EXPECT_EQ(policy({"--alpn", "auto"}).alpn_mode, AlpnMode::kAuto);
  EXPECT_THAT(policy({"--alpn", "auto"}).alpn, IsEmpty());
  const TlsPolicy list = policy({"--alpn", "h2, http/1.1"});
  EXPECT_EQ(list.alpn_mode, AlpnMode::kList);
  EXPECT_THAT(list.alpn, ElementsAre("h2", "http/1.1"));
  EXPECT_THAT(policy({"--alpn", "h2", "--alpn", "http/1.1"}).alpn, ElementsAre("h2", "http/1.1"));
  EXPECT_EQ(policy({}, {"SIDELOCK_ALPN="}).alpn_mode, AlpnMode::kIgnore);
  EXPECT_THAT(refused("alpn", "h2,auto"), HasSubstr("\"auto\" cannot stand in a list"));
  EXPECT_THAT(refused("alpn", "h2,h2"), HasSubstr("\"h2\" is there twice"));
  EXPECT_THAT(refused("alpn", "h2,,x"), HasSubstr("has an empty item"));
  EXPECT_THAT(refused("alpn", std::string(256, 'x')), HasSubstr("is longer than 255 bytes"));
}

TEST(SelfSigned, TakesWhatACertificateCanCarry) {
  for (const char* name : {"localhost", "app.example", "*.app.example", "192.0.2.1", "2001:db8::1"}) {
    EXPECT_EQ(settings({"--self-signed", name}).tls.self_signed, name);
    EXPECT_EQ(settings({"--self-signed", name}).tls.directory, "");
  }
  const std::string long_label(64, 'a');
  for (const std::string& name :
       {std::string{"a b"}, std::string{"a..b"}, std::string{"-a"}, std::string{"a.*"}, long_label}) {
    EXPECT_THAT(refused("self-signed", name), HasSubstr("cannot be a name in a certificate; allowed: a DNS name"))
        << name;
  }
}

TEST(Refusals, ShowControlCharactersHarmlessly) {
  EXPECT_THAT(refused("ports", "8\x1b[2J"), testing::Not(HasSubstr("\x1b")));
  EXPECT_THAT(refused("log-level", "a\nb"), HasSubstr("\"a\\x0ab\""));
}

}  // namespace
}  // namespace sidelock
