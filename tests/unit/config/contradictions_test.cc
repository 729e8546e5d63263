// Settings that cannot stand together, what each command asks for, and explicit mode's listeners.
#include <gmock/gmock.h>

#include "unit/config/given.h"

namespace sidelock {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::StartsWith;

Words explicit_mode(const std::string& pairs, const Words& more = {}) {
  Words words{"run", "--capture", "none", "--listen", pairs};
  words.insert(words.end(), more.begin(), more.end());
  return words;
}

TEST(Listen, IsAListenerAndAnApp) {
  const auto listeners =
      parsed(explicit_mode("8443=8080, 192.0.2.1:443=[::1]:80,[2001:db8::1]:443=192.0.2.9:81")).settings.listeners;
  ASSERT_EQ(listeners.size(), 3U);
  EXPECT_EQ(listeners[0].address, std::nullopt);
  EXPECT_EQ(listeners[0].port, 8443);
  EXPECT_EQ(listeners[0].policy.app_port, 8080);
  EXPECT_EQ(listeners[0].policy.upstream, UpstreamMode::kLoopback);
  EXPECT_EQ(listeners[1].address, IpAddress::parse("192.0.2.1"));
  EXPECT_EQ(listeners[1].policy.upstream, UpstreamMode::kAddress);
  EXPECT_EQ(listeners[1].policy.upstream_address, IpAddress::parse("::1"));
  EXPECT_EQ(listeners[1].policy.app_port, 80);
  EXPECT_EQ(listeners[2].address, IpAddress::parse("2001:db8::1"));
  EXPECT_EQ(listeners[2].policy.app_port, 81);
}

TEST(Listen, CarriesTheGlobalRuleForTruncation) {
  const auto listeners = parsed(explicit_mode("8443=8080", {"--on-truncation", "reset"})).settings.listeners;
  EXPECT_EQ(listeners.at(0).policy.on_truncation, OnTruncation::kReset);
}

TEST(Listen, OfOtherFormsIsRefused) {
  for (const char* text : {"=8080", "8443=", "0=80", "8443=65536", "::1:443=80", "host:443=80", "8443=app:80",
                           "[::1]=80", "192.0.2.1=80", "8443=80=81", ":443=80", "[192.0.2.1]:443=80"}) {
    EXPECT_THAT(refusal(explicit_mode(text)),
                HasSubstr("is not a pair of a listener and an app; allowed: [ADDRESS:]PORT"))
        << text;
  }
  EXPECT_THAT(refusal(explicit_mode("8443")), HasSubstr("\"8443\" names no app port"));
  EXPECT_THAT(refusal(explicit_mode("8443=0.0.0.0:80")), HasSubstr("nobody can be reached at"));
  EXPECT_THAT(refusal(explicit_mode("224.0.0.1:8443=80")), HasSubstr("listens on a multicast address"));
}

TEST(Listen, MayNotShareAPortOfOneAddress) {
  for (const char* text : {"8443=80,8443=81", "8443=80,192.0.2.1:8443=81", "192.0.2.1:8443=80,192.0.2.1:8443=81",
                           "0.0.0.0:8443=80,192.0.2.1:8443=81"}) {
    EXPECT_THAT(refusal(explicit_mode(text)), HasSubstr("shares its port with another pair")) << text;
  }
  EXPECT_EQ(
      parsed(explicit_mode("192.0.2.1:8443=80,[2001:db8::1]:8443=80,192.0.2.2:8443=80")).settings.listeners.size(), 3U);
  EXPECT_EQ(parsed(explicit_mode("0.0.0.0:8443=80,[::]:8443=80")).settings.listeners.size(), 2U);
}

TEST(Listen, MayNotRelayToAListenerOfOurs) {
  for (const char* text : {"8443=8443", "8443=127.0.0.1:8443", "8443=[::1]:8443", "127.0.0.1:8443=8443",
                           "0.0.0.0:80=80", "192.0.2.1:80=192.0.2.1:80", "8443=9443,9443=8080",
                           "192.0.2.1:80=192.0.2.2:80,192.0.2.2:80=81", "[::]:80=[::1]:80"}) {
    EXPECT_THAT(refusal(explicit_mode(text)), HasSubstr("would relay to a listener of our own")) << text;
  }
  for (const char* text :
       {"192.0.2.1:8080=127.0.0.1:8080", "192.0.2.1:8080=8080", "8080=192.0.2.9:8080", "[::]:80=127.0.0.1:80"}) {
    EXPECT_EQ(parsed(explicit_mode(text)).settings.listeners.size(), 1U) << text;
  }
}

TEST(ExplicitMode, NeedsListenAndNothingOfCapture) {
  for (const char* command : {"init", "run"}) {
    EXPECT_EQ(refusal({command, "--capture", "none"}),
              "--listen: is required with --capture none; allowed: such as --listen 8443=8080");
  }
  for (const auto& [name, value] : {std::pair{"ports", "80"}, {"map", "80:81"}, {"upstream", "loopback"}}) {
    EXPECT_EQ(refusal(explicit_mode("8443=8080", {"--" + std::string{name}, value})),
              "--" + std::string{name} +
                  ": has no meaning with --capture none; allowed: --listen [ADDRESS:]PORT=[ADDRESS:]PORT");
  }
  EXPECT_THAT(refusal(explicit_mode("8443=8080"), {"SIDELOCK_PORTS=80"}), StartsWith("SIDELOCK_PORTS: has no meaning"));
  EXPECT_EQ(parsed(explicit_mode("8443=8080"), {"SIDELOCK_PORTS="}).settings.capture.mode, CaptureMode::kNone);
  EXPECT_EQ(parsed({"init", "--capture", "none", "--listen", "8443=8080"}).settings.listeners.size(), 1U);
}

TEST(ExplicitMode, HasNoCapturedPorts) {
  const Settings settings = parsed(explicit_mode("8443=8080")).settings;
  EXPECT_TRUE(settings.captured_ports.empty());
  EXPECT_TRUE(settings.capture.ports.empty());
}

TEST(Redirect, DoesNotListenByPairs) {
  EXPECT_EQ(refusal({"run", "--ports", "80", "--listen", "8443=8080"}),
            "--listen: needs --capture none, but --capture is \"redirect\"; allowed: --listen with --capture none, or "
            "--ports");
}

TEST(PreserveSource, GoesOverLoopback) {
  EXPECT_EQ(settings({"--preserve-source", "prefer"}).captured_ports.at(0).policy.upstream, UpstreamMode::kLoopback);
  EXPECT_EQ(settings({"--preserve-source", "prefer", "--port-policy", "80:preserve-source=off"})
                .captured_ports.at(0)
                .policy.upstream,
            UpstreamMode::kOriginal);
  EXPECT_EQ(refusal({"run", "--ports", "80", "--preserve-source", "require", "--upstream", "loopback"}),
            "it was accepted");
  EXPECT_EQ(
      refusal({"run", "--ports", "80", "--preserve-source", "require", "--upstream", "original"}),
      "--preserve-source: goes over loopback, but --upstream is \"original\"; allowed: --upstream loopback or none");
  EXPECT_THAT(refusal({"run", "--ports", "80", "--upstream", "10.0.0.2", "--port-policy", "80:preserve-source=prefer"}),
              HasSubstr("80: preserve-source: goes over loopback, but --upstream is \"10.0.0.2\""));
}

TEST(PreserveSource, NeedsRulesOfInit) {
  EXPECT_THAT(refusal(explicit_mode("8443=8080", {"--preserve-source", "prefer"})),
              HasSubstr("--preserve-source: needs rules of init"));
  EXPECT_FALSE(settings({}).capture.is_source_preserved);
  EXPECT_TRUE(settings({"--port-policy", "80:preserve-source=prefer"}).capture.is_source_preserved);
  EXPECT_TRUE(parsed({"init", "--ports", "*", "--preserve-source", "prefer"}).settings.capture.is_source_preserved);
}

TEST(Interfaces, AreNotBothTakenAndExcluded) {
  EXPECT_EQ(refusal({"init", "--ports", "80", "--interfaces", "eth0,eth1", "--exclude-interfaces", "eth1"}),
            "--exclude-interfaces: \"eth1\" is in --interfaces too; allowed: names in one of the two");
}

TEST(Interfaces, AreNotAllTakenOutAgain) {
  const auto refused = [](const char* taken, const char* excluded) {
    return refusal({"init", "--ports", "80", "--interfaces", taken, "--exclude-interfaces", excluded});
  };
  const std::string allowed = "; allowed: names that leave something of --interfaces";
  for (const char* taken : {"", "eth0", "+"}) {
    EXPECT_EQ(refused(taken, "+"),
              "--exclude-interfaces: \"+\" is every interface, so that nothing would be captured" + allowed);
  }
  EXPECT_EQ(refused("eth0,net1", "net+"),
            "--exclude-interfaces: \"net+\" takes out all of \"net1\" of --interfaces" + allowed);
  EXPECT_EQ(refused("eth+", "e+"), "--exclude-interfaces: \"e+\" takes out all of \"eth+\" of --interfaces" + allowed);
  for (const auto& [taken, excluded] :
       {std::pair{"eth+", "eth0"}, {"eth0,net1", "net2+"}, {"+", "eth+"}, {"", "eth+"}}) {
    EXPECT_EQ(refused(taken, excluded), "it was accepted") << taken << ' ' << excluded;
  }
}

TEST(Interfaces, NeverFitLo) {
  for (const char* name : {"l+", "lo+"}) {
    EXPECT_EQ(refusal({"init", "--ports", "80", "--interfaces", name}),
              std::string{"--interfaces: \""} + name +
                  "\" fits lo, which is never captured; allowed: longer beginnings of names, or +");
  }
}

TEST(Credential, HasOneSource) {
  const std::string allowed = "; allowed: one of --tls-dir, --tls-cert-file and --self-signed";
  EXPECT_EQ(refusal({"run", "--ports", "80", "--tls-dir", "/a", "--self-signed", "b"}),
            "--self-signed: is given together with --tls-dir" + allowed);
  EXPECT_EQ(refusal({"run", "--ports", "80", "--tls-dir", "/a"}, {"SIDELOCK_TLS_CERT_FILE=b"}),
            "SIDELOCK_TLS_CERT_FILE: is given together with --tls-dir" + allowed);
  EXPECT_EQ(refusal({"run", "--ports", "80", "--tls-dir="}), "--tls-dir: \"\" names no directory" + allowed);
  EXPECT_EQ(settings({"--tls-dir", "/a"}).tls.directory, "/a");
  EXPECT_EQ(settings({"--tls-cert-file", "/a"}).tls.directory, "");
}

TEST(Credential, HasAKeyForEachCertificateOrNone) {
  const TlsSettings pair =
      settings({"--tls-cert-file", "a,b", "--tls-private-key-file", "c", "--tls-private-key-file", "d"}).tls;
  EXPECT_THAT(pair.certificate_files, ElementsAre("a", "b"));
  EXPECT_THAT(pair.private_key_files, ElementsAre("c", "d"));
  EXPECT_EQ(
      refusal({"run", "--ports", "80", "--tls-cert-file", "a,b", "--tls-private-key-file", "c"}),
      "--tls-private-key-file: has 1 file for 2 of --tls-cert-file; allowed: one for each certificate file in the same "
      "order, or none when each holds its key");
  EXPECT_THAT(refusal({"run", "--ports", "80", "--tls-private-key-file", "c"}),
              HasSubstr("has 1 file for 0 of --tls-cert-file"));
}

TEST(Commands, CheckOnlyTheContradictionsOfWhatTheyUse) {
  const Words both{"SIDELOCK_PORTS=80", "SIDELOCK_TLS_DIR=/a", "SIDELOCK_SELF_SIGNED=b", "SIDELOCK_MAP=81:82"};
  EXPECT_EQ(parsed({"init"}, both).command, Command::kInit);
  EXPECT_THAT(refusal({"run"}, both), HasSubstr("SIDELOCK_MAP: \"81:82\" maps a port that is not captured"));
  EXPECT_EQ(parsed({"cleanup", "--capture", "none"}, both).command, Command::kCleanup);
}

TEST(Commands, RefuseAMalformedValueWhetherTheyUseItOrNot) {
  EXPECT_THAT(refusal({"init", "--ports", "80", "--idle-timeout", "soon"}), StartsWith("--idle-timeout: \"soon\""));
  EXPECT_THAT(refusal({"cleanup", "--lock-wait", "soon"}), StartsWith("--lock-wait: \"soon\""));
}

}  // namespace
}  // namespace sidelock
