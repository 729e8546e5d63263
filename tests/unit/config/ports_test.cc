// The arithmetic of captured ports: lists, exclusions, maps, capture ports and the probe port.
#include <gmock/gmock.h>

#include "config/capture_contract.h"
#include "config/port_ranges.h"
#include "unit/config/given.h"

namespace sidelock {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

std::vector<PortRange> captured(const std::string& ports, const std::string& excluded = "") {
  return parsed({"init", "--ports", ports, "--exclude-ports", excluded}).settings.capture.ports;
}

TEST(PortRanges, AreSortedAndMerged) {
  EXPECT_THAT(normalised({{8000, 8010}, {80, 80}, {8005, 8020}, {81, 90}, {80, 80}}),
              ElementsAre(PortRange{80, 90}, PortRange{8000, 8020}));
  EXPECT_THAT(normalised({{1, 65535}, {2, 3}}), ElementsAre(PortRange{1, 65535}));
  EXPECT_THAT(normalised({}), IsEmpty());
}

TEST(PortRanges, LoseTheExcludedPorts) {
  const std::vector<PortRange> all{{10, 20}, {30, 40}};
  EXPECT_THAT(without(all, {{15, 15}}), ElementsAre(PortRange{10, 14}, PortRange{16, 20}, PortRange{30, 40}));
  EXPECT_THAT(without(all, {{1, 12}, {20, 30}, {40, 50}}), ElementsAre(PortRange{13, 19}, PortRange{31, 39}));
  EXPECT_THAT(without(all, {{10, 10}, {12, 20}, {30, 40}}), ElementsAre(PortRange{11, 11}));
  EXPECT_THAT(without(all, {{1, 65535}}), IsEmpty());
  EXPECT_THAT(without({{1, 65535}}, {{2, 65534}}), ElementsAre(PortRange{1, 1}, PortRange{65535, 65535}));
  EXPECT_THAT(without(all, {}), ElementsAre(PortRange{10, 20}, PortRange{30, 40}));
}

TEST(PortRanges, CountTheirPorts) {
  EXPECT_EQ(count({{1, 65535}}), 65535U);
  EXPECT_EQ(count({{80, 80}, {90, 99}}), 11U);
  EXPECT_TRUE(contains({{80, 80}, {90, 99}}, 99));
  EXPECT_FALSE(contains({{80, 80}, {90, 99}}, 100));
}

TEST(Ports, AreListsAndRanges) {
  EXPECT_THAT(captured("443, 80,8000 - 8010,81"),
              ElementsAre(PortRange{80, 81}, PortRange{443, 443}, PortRange{8000, 8010}));
  EXPECT_THAT(captured("80-90", "85,90-100"), ElementsAre(PortRange{80, 84}, PortRange{86, 89}));
}

TEST(Ports, OfOtherFormsAreRefused) {
  const std::string allowed = "; allowed: ports 1 to 65535 and ranges, such as 80,8000-8010";
  for (const char* text : {"0", "65536", "http", "-80", "80-", "80-90-100", "1-65536", "8 0", "+80", "90-80"}) {
    EXPECT_EQ(refusal({"init", "--ports", text}),
              "--ports: \"" + std::string{text} + "\" is neither a port nor a range of ports" + allowed);
  }
  EXPECT_EQ(refusal({"init", "--ports", "80,*"}),
            "--ports: \"*\" (every port) can only stand alone in --ports" + allowed);
  EXPECT_EQ(refusal({"init", "--ports", "80,"}), "--ports: \"80,\" has an empty item" + allowed);
}

TEST(Ports, AreRequiredByInitAndRun) {
  for (const char* command : {"init", "run"}) {
    EXPECT_EQ(refusal({command}),
              "--ports: is required with --capture redirect; allowed: such as --ports 80,8000-8010, or *");
    EXPECT_THAT(refusal({command}, {"SIDELOCK_PORTS="}), HasSubstr("is required"));
  }
  EXPECT_EQ(parsed({"cleanup"}).command, Command::kCleanup);
}

TEST(Ports, MustNotAllBeExcluded) {
  EXPECT_EQ(refusal({"init", "--ports", "80-81", "--exclude-ports", "1-100"}),
            "--exclude-ports: --exclude-ports leaves no port of --ports \"80-81\"; allowed: at least one");
}

TEST(CapturePorts, MustNotMeetTheCapturedOnes) {
  // One port: 19099 to 19101 are ours.
  for (const char* port : {"19099", "19100", "19101"}) {
    EXPECT_EQ(refusal({"init", "--ports", port}), "--capture-port-base: \"19100\" makes " + std::string{port} +
                                                      " a port of ours, but --ports has it; allowed: a port so that "
                                                      "the 1 ports from it and one on either side are "
                                                      "free and at most 29999");
  }
  EXPECT_EQ(parsed({"init", "--ports", "19098,19103"}).settings.captured_ports.size(), 2U);
  EXPECT_THAT(refusal({"init", "--ports", "19098,19102"}), HasSubstr("makes 19102 a port of ours"));
}

TEST(CapturePorts, EndBelowTheNodePorts) {
  EXPECT_THAT(refusal({"init", "--ports", "1-10900"}),
              HasSubstr("is too high: 10900 captured ports would reach 30000"));
  EXPECT_EQ(parsed({"init", "--ports", "80", "--capture-port-base", "29998"}).settings.capture.capture_port_base,
            29998);
  EXPECT_THAT(refusal({"init", "--ports", "80-81", "--capture-port-base", "29998"}), HasSubstr("would reach 30000"));
}

// The kernel's default range of outgoing connections: tests run in a namespace that has it.
TEST(AnyPort, IsEveryPortButOursAndThoseOfOutgoingConnections) {
  // 19080 is the admin port.
  EXPECT_THAT(captured("*"), ElementsAre(PortRange{1, 19079}, PortRange{19081, 19099}, PortRange{19101, 32767},
                                         PortRange{61000, 65535}));
  EXPECT_THAT(captured("*", "1-19080,61000-65535"), ElementsAre(PortRange{19081, 19099}, PortRange{19101, 32767}));
  const CaptureSettings moved = parsed({"init", "--ports", "*", "--capture-port-base", "2000"}).settings.capture;
  EXPECT_THAT(moved.ports, ElementsAre(PortRange{1, 1999}, PortRange{2001, 19079}, PortRange{19081, 32767},
                                       PortRange{61000, 65535}));
}

TEST(AnyPort, SharesOneCapturePortAndOnePolicyExceptWherePortsDiffer) {
  const Settings any =
      parsed({"run", "--ports", "*", "--map", "443:8080", "--port-policy", "90-91:upstream=loopback"}).settings;
  EXPECT_TRUE(any.capture.is_any_port);
  EXPECT_EQ(count_capture_ports(any.capture), 1U);
  ASSERT_EQ(any.captured_ports.size(), 3U);
  EXPECT_EQ(any.captured_ports[0].port, 90);
  EXPECT_EQ(any.captured_ports[0].policy.upstream, UpstreamMode::kLoopback);
  EXPECT_EQ(any.captured_ports[2].policy.app_port, 8080);
  EXPECT_EQ(any.any_port.app_port, 0);
  EXPECT_EQ(any.any_port.upstream, UpstreamMode::kOriginal);
}

TEST(AnyPort, HasAProbePortThoughItIsCaptured) {
  const CaptureSettings any = parsed({"init", "--ports", "*"}).settings.capture;
  EXPECT_GE(probe_port(any), 20000);
  EXPECT_LE(probe_port(any), 28191);
}

TEST(Tproxy, SharesOneCapturePort) {
  const CaptureSettings capture = parsed({"init", "--capture", "tproxy", "--ports", "80-90"}).settings.capture;
  EXPECT_EQ(count_capture_ports(capture), 1U);
  EXPECT_EQ(parsed({"init", "--capture", "tproxy", "--ports", "19102-19200"}).settings.capture.ports.size(), 1U);
  EXPECT_NE(probe_port(capture), probe_port(parsed({"init", "--ports", "80-90"}).settings.capture));
}

TEST(Tproxy, RefusesPortsOfOutgoingConnections) {
  EXPECT_EQ(refusal({"init", "--capture", "tproxy", "--ports", "80,40000-40001"}),
            "--ports: \"40000\" is a port of outgoing connections (net.ipv4.ip_local_port_range), whose answers tproxy "
            "would capture; allowed: ports outside of 32768-60999, ports of net.ipv4.ip_local_reserved_ports, or "
            "--capture redirect");
  EXPECT_EQ(refusal({"init", "--capture", "tproxy", "--ports", "32767,61000"}), "it was accepted");
  EXPECT_EQ(refusal({"init", "--ports", "40000"}), "it was accepted");
}

TEST(Map, SaysWhereTheAppListens) {
  const Settings settings = parsed({"run", "--ports", "443,444", "--map", "443:8080"}).settings;
  ASSERT_EQ(settings.captured_ports.size(), 2U);
  EXPECT_EQ(settings.captured_ports[0].port, 443);
  EXPECT_EQ(settings.captured_ports[0].policy.app_port, 8080);
  EXPECT_EQ(settings.captured_ports[1].policy.app_port, 444);
}

TEST(Map, IsRefusedWhenItMakesNoSense) {
  const auto map = [](const char* text) { return refusal({"run", "--ports", "80,443", "--map", text}); };
  for (const char* text : {"443", "443:", ":80", "443:0", "443:http", "443:80:81", "443-444:80"}) {
    EXPECT_THAT(map(text), HasSubstr("\"" + std::string{text} + "\" is not a pair of ports; allowed: CAPTURED:APP"))
        << text;
  }
  EXPECT_THAT(map("443:80,443:81"), HasSubstr("\"443:81\" maps a port for the second time"));
  EXPECT_EQ(map("8443:80"), "--map: \"8443:80\" maps a port that is not captured; allowed: ports of --ports");
  for (const char* text : {"80:19099", "80:19100", "80:19102"})
    EXPECT_THAT(map(text), HasSubstr("leads back to a capture port"));
  EXPECT_EQ(map("80:19103"), "it was accepted");
}

TEST(ProbePort, IsTheSameForTheSameSettingsAndDiffersForOthers) {
  const CaptureSettings settings = parsed({"init", "--ports", "80,443"}).settings.capture;
  EXPECT_EQ(probe_port(settings), probe_port(parsed({"run", "--ports", "443,80"}).settings.capture));
  const std::vector<Words> others{{"--ports", "80"},
                                  {"--ports", "80,443", "--drop-invalid", "off"},
                                  {"--ports", "80,443", "--capture", "tproxy"},
                                  {"--ports", "80,443", "--preserve-source", "prefer"},
                                  {"--ports", "80,443", "--port-policy", "80:preserve-source=require"},
                                  {"--ports", "*"},
                                  {"--ports", "80,443", "--capture-port-base", "19101"},
                                  {"--ports", "80,443", "--interfaces", "eth0"},
                                  {"--ports", "80,443", "--exclude-interfaces", "eth0"},
                                  {"--ports", "80,443", "--exclude-sources", "10.0.0.0/8"}};
  for (Words words : others) {
    words.insert(words.begin(), "init");
    EXPECT_NE(probe_port(settings), probe_port(parsed(words).settings.capture)) << words.back();
  }
}

TEST(ProbePort, IsNotMovedBySettingsThatShapeNoRule) {
  const CaptureSettings plain = parsed({"init", "--ports", "80"}).settings.capture;
  const Words tuned{"run", "--ports",        "80", "--lock-wait", "1s",   "--capture-timeout",
                    "1m",  "--idle-timeout", "1h", "--map",       "80:81"};
  EXPECT_EQ(probe_port(plain), probe_port(parsed(tuned).settings.capture));
}

TEST(ProbePort, IsNeverACapturedOrACapturePort) {
  CaptureSettings settings;
  settings.ports = {{20000, 28190}};  // one port of the probe's range is left
  settings.capture_port_base = 2;
  EXPECT_EQ(probe_port(settings), 28191);
  for (unsigned port = 1; port < 2000; ++port) {
    CaptureSettings one;
    one.ports = {{static_cast<std::uint16_t>(port), static_cast<std::uint16_t>(port + 3000)}};
    const unsigned probe = probe_port(one);
    EXPECT_GE(probe, 20000U);
    EXPECT_LE(probe, 28191U);
    EXPECT_FALSE(probe >= one.capture_port_base - 1U && probe <= one.capture_port_base + 3001U);
  }
}

TEST(ProbePort, IsMissedWhenEveryPortOfItsRangeIsCaptured) {
  EXPECT_THAT(refusal({"init", "--ports", "20000-28191", "--capture-port-base", "2"}),
              HasSubstr("no port from 20000 to 28191 for the probe rule"));
  EXPECT_EQ(parsed({"init", "--ports", "1-9090"}).settings.captured_ports.size(), 9090U);
  EXPECT_THAT(refusal({"init", "--ports", "1-9091"}), HasSubstr("no port from 20000 to 28191 for the probe rule"));
}

TEST(Expand, ListsThePortsOneByOne) {
  EXPECT_THAT(expand({{80, 82}, {65534, 65535}}), ElementsAre(80, 81, 82, 65534, 65535));
  EXPECT_THAT(expand({}), IsEmpty());
}

}  // namespace
}  // namespace sidelock
