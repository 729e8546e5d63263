// Commands, and where a value comes from: flag, environment, file, default.
#include <algorithm>

#include <gmock/gmock.h>

#include "config/option_table.h"
#include "unit/config/given.h"

namespace sidelock {
namespace {

using std::chrono::milliseconds;
using testing::AllOf;
using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::StartsWith;

TEST(Commands, AreKnownByTheirNames) {
  EXPECT_EQ(parsed({"init", "--ports", "80"}).command, Command::kInit);
  EXPECT_EQ(parsed({"run", "--ports", "80"}).command, Command::kRun);
  EXPECT_EQ(parsed({"--ports", "80", "run"}).command, Command::kRun);
  EXPECT_EQ(parsed({"cleanup"}).command, Command::kCleanup);
  EXPECT_EQ(parsed({"doctor", "--ports", "80"}).command, Command::kDoctor);
  EXPECT_EQ(parsed({"explain", "--ports", "80", "::1", "[::1]:80"}).command, Command::kExplain);
  EXPECT_EQ(parsed({"version"}).command, Command::kVersion);
  EXPECT_EQ(parsed({"--version"}).command, Command::kVersion);
  for (const Words& words : {Words{"help"}, {"--help"}, {"-h"}, {"run", "--help"}, {"init", "-h"}, {"help", "init"}}) {
    EXPECT_EQ(parsed(words).command, Command::kHelp) << words.front();
  }
}

TEST(Commands, HelpAndVersionAnswerHoweverBrokenTheSettingsAre) {
  const Words broken{"SIDELOCK_PORTS=none at all", "SIDELOCK_CONFIG=/nowhere"};
  EXPECT_EQ(parsed({"help"}, broken).command, Command::kHelp);
  EXPECT_EQ(parsed({"version", "--idle-timeout", "x"}, broken).command, Command::kVersion);
}

TEST(Commands, AnythingElseIsRefusedWithTheListOfThem) {
  EXPECT_THAT(refusal({}),
              AllOf(HasSubstr("no command"), HasSubstr("init, run, cleanup, doctor, explain, version, help")));
  EXPECT_THAT(refusal({"start"}), AllOf(StartsWith("\"start\": there is no such command"), HasSubstr("init, run")));
  EXPECT_THAT(refusal({"run", "init"}), AllOf(StartsWith("\"init\""), HasSubstr("one word too many")));
  EXPECT_THAT(refusal({"-x"}), AllOf(StartsWith("\"-x\""), HasSubstr("no such flag")));
}

TEST(Flags, UnknownOnesAreRefusedAndTheLikelyOneNamed) {
  EXPECT_EQ(refusal({"run", "--port", "80"}), "--port: there is no such setting; did you mean \"ports\"?");
  EXPECT_EQ(refusal({"run", "--port=80"}), "--port: there is no such setting; did you mean \"ports\"?");
  EXPECT_THAT(refusal({"run", "--frobnicate"}),
              AllOf(StartsWith("--frobnicate: there is no such setting"), HasSubstr("--help")));
  // A unique beginning of a name is not the name: the next version might know another setting that begins so.
  EXPECT_THAT(refusal({"run", "--idle", "1h"}), StartsWith("--idle: there is no such setting"));
}

TEST(Flags, SettingsOfLaterVersionsDoNotExist) {
  for (const char* name : {"quic", "ktls"}) {
    EXPECT_THAT(refusal({"run", "--" + std::string{name}, "x"}), HasSubstr("there is no such setting")) << name;
  }
}

TEST(Flags, TakeTheirValueAsTheNextWordOrAfterAnEqualsSign) {
  EXPECT_EQ(settings({"--idle-timeout", "1h"}).limits.idle_timeout, std::chrono::hours{1});
  EXPECT_EQ(settings({"--idle-timeout=1h"}).limits.idle_timeout, std::chrono::hours{1});
  EXPECT_EQ(settings({"--self-signed=a.example"}).tls.self_signed, "a.example");
  EXPECT_EQ(settings({"--alpn="}).captured_ports.at(0).policy.tls.alpn_mode, AlpnMode::kIgnore);
  EXPECT_EQ(settings({"--alpn", ""}).captured_ports.at(0).policy.tls.alpn_mode, AlpnMode::kIgnore);
}

TEST(Flags, WithoutTheirValueAreRefused) {
  EXPECT_EQ(refusal({"run", "--ports"}), "--ports: has no value; allowed: --ports LIST");
  EXPECT_EQ(refusal({"run", "--ports", "--dry-run"}), "--ports: has no value; allowed: --ports LIST");
  EXPECT_EQ(refusal({"run", "--tls-dir", "--self-signed", "a"}),
            "--tls-dir: has no value; allowed: --tls-dir DIRECTORY");
  EXPECT_THAT(refusal({"run", "--help=me"}), HasSubstr("--help"));
}

TEST(Flags, GivenTwiceAreRefusedUnlessRepeatable) {
  EXPECT_EQ(refusal({"run", "--ports", "80", "--ports", "81"}),
            "--ports: is given twice, \"80\" and \"81\"; allowed: once");
  EXPECT_THAT(settings({"--tls-cert-file", "a.pem", "--tls-cert-file", "b.pem,c.pem"}).tls.certificate_files,
              ElementsAre("a.pem", "b.pem", "c.pem"));
}

TEST(Switches, StandAloneOrWithOnAndOff) {
  EXPECT_FALSE(settings({}).dry_run);
  EXPECT_TRUE(settings({"--dry-run"}).dry_run);
  EXPECT_TRUE(settings({"--dry-run", "on"}).dry_run);
  EXPECT_TRUE(settings({"--dry-run=on"}).dry_run);
  EXPECT_FALSE(settings({"--dry-run", "off"}).dry_run);
  EXPECT_FALSE(settings({"--drop-invalid=off"}).capture.drop_invalid);
  EXPECT_TRUE(settings({}, {"SIDELOCK_DRY_RUN=on"}).dry_run);
  EXPECT_EQ(parsed({"--dry-run", "init", "--ports", "80"}).command, Command::kInit);
  EXPECT_TRUE(settings({"--allow-host-network", "--allow-foreign-before"}).capture.allow_foreign_before);
}

TEST(Switches, KnowNoOtherWords) {
  EXPECT_EQ(refusal({"init", "--ports", "80", "--dry-run=yes"}),
            "--dry-run: \"yes\" is not one of its values; allowed: on, off");
  EXPECT_EQ(refusal({"init", "--ports", "80"}, {"SIDELOCK_DROP_INVALID="}),
            "SIDELOCK_DROP_INVALID: \"\" is not one of its values; allowed: on, off");
}

TEST(Precedence, TheFlagWinsOverTheEnvironmentTheEnvironmentOverTheFileTheFileOverTheDefault) {
  const ConfigFile file{"connect-timeout = 3s\nidle-timeout = 3s\nhandshake-timeout = 3s\n"};
  const LimitSettings limits = settings({"--config", file.path(), "--connect-timeout", "1s"},
                                        {"SIDELOCK_CONNECT_TIMEOUT=2s", "SIDELOCK_IDLE_TIMEOUT=2s"})
                                   .limits;
  EXPECT_EQ(limits.connect_timeout, milliseconds{1000});
  EXPECT_EQ(limits.idle_timeout, milliseconds{2000});
  EXPECT_EQ(limits.handshake_timeout, milliseconds{3000});
  EXPECT_EQ(limits.close_timeout, milliseconds{60'000});
}

TEST(Precedence, AnEmptyValueTakesBackWhatALowerSourceSays) {
  const ConfigFile file{"tls-dir = /mounted\nexclude-ports = 80\n"};
  const Settings both = settings({"--config", file.path(), "--self-signed", "app.example"},
                                 {"SIDELOCK_TLS_DIR=", "SIDELOCK_EXCLUDE_PORTS="});
  EXPECT_EQ(both.tls.self_signed, "app.example");
  EXPECT_EQ(both.captured_ports.size(), 1U);
}

TEST(Precedence, IsShownInTheEffectiveSettings) {
  const ConfigFile file{"idle-timeout = 1h\n"};
  const Invocation invocation = parsed({"run", "--ports", "80"}, {"SIDELOCK_CONFIG=" + file.path(), "SIDELOCK_ALPN="});
  EXPECT_THAT(invocation.effective, Contains("ports = 80 (flag)"));
  EXPECT_THAT(invocation.effective, Contains("alpn = (environment)"));
  EXPECT_THAT(invocation.effective, Contains("idle-timeout = 1h (file)"));
  EXPECT_THAT(invocation.effective, Contains("connect-timeout = 5s (default)"));
  EXPECT_EQ(invocation.effective.size(), option_table().size());
}

TEST(Environment, EverySettingHasItsVariable) {
  EXPECT_EQ(environment_name("tls-private-key-file"), "SIDELOCK_TLS_PRIVATE_KEY_FILE");
  const Settings settings =
      parsed({"run"}, {"SIDELOCK_PORTS=80, 443", "SIDELOCK_TLS_CERT_FILE=a,b", "PATH=/bin"}).settings;
  EXPECT_EQ(settings.captured_ports.size(), 2U);
  EXPECT_THAT(settings.tls.certificate_files, ElementsAre("a", "b"));
}

TEST(Environment, UnknownVariablesAreWarningsBecauseKubernetesInjectsSome) {
  const Invocation invocation = parsed(
      {"cleanup"}, {"SIDELOCK_SERVICE_HOST=10.0.0.1", "SIDELOCK_PORT=tcp://10.0.0.1:443", "OTHER=1", "SIDELOCK_X"});
  EXPECT_THAT(invocation.warnings, ElementsAre("SIDELOCK_PORT is not a setting and is ignored",
                                               "SIDELOCK_SERVICE_HOST is not a setting and is ignored"));
  EXPECT_THAT(parsed({"cleanup"}).warnings, IsEmpty());
}

TEST(Environment, AMalformedValueIsReportedUnderTheVariablesName) {
  EXPECT_THAT(refusal({"run", "--ports", "80"}, {"SIDELOCK_IDLE_TIMEOUT=soon"}),
              StartsWith("SIDELOCK_IDLE_TIMEOUT: \"soon\" "));
}

TEST(File, HasCommentsBlankLinesAndBlanksAroundTheEqualsSign) {
  const ConfigFile file{
      "# all of it\n\n  ports=80 , 8000-8010 # the app\r\nself-signed = a#b.example\nlisten =\nalpn =#\n"};
  EXPECT_THAT(refusal({"run", "--config", file.path()}), StartsWith(file.path() + ":4: self-signed: \"a#b.example\""));
  const Settings settings = parsed({"run", "--config", file.path(), "--self-signed", "b.example", "--alpn="}).settings;
  EXPECT_EQ(settings.captured_ports.size(), 12U);
}

TEST(File, MayEndWithoutANewlineAndBeEmpty) {
  const ConfigFile unfinished{"ports = 80"};
  EXPECT_EQ(parsed({"run", "--config", unfinished.path()}).settings.captured_ports.size(), 1U);
  const ConfigFile empty{""};
  EXPECT_EQ(settings({"--config", empty.path()}).captured_ports.size(), 1U);
}

TEST(File, ErrorsNameTheFileAndTheLine) {
  const struct {
    const char* text;
    const char* message;
  } kCases[] = {
      {"\nport = 80\n", ":2: port: there is no such setting; did you mean \"ports\"?"},
      {"ports = 80\nports = 81\n", ":2: ports: is there twice, \"80\" and \"81\"; allowed: once"},
      {"ports\n", ":1: \"ports\" is not a setting; allowed: name = value, # comment"},
      {"= 80\n", ":1: \"= 80\" is not a setting; allowed: name = value, # comment"},
      {"config = other\n", ":1: config: cannot stand in a config file; allowed: --config FILE"},
      {"workers = many\n", ":1: workers: \"many\" is not such a number; allowed: auto, or 1 to 256"},
      {"[capture]\n", ":1: \"[capture]\" is not a setting; allowed: name = value, # comment"},
  };
  for (const auto& [text, message] : kCases) {
    const ConfigFile file{text};
    EXPECT_EQ(refusal({"run", "--ports", "80", "--config", file.path()}), file.path() + message);
  }
}

TEST(File, RepeatableSettingsMayHaveSeveralLines) {
  const ConfigFile file{"tls-cert-file = a\ntls-cert-file = b\n"};
  EXPECT_THAT(settings({"--config", file.path()}).tls.certificate_files, ElementsAre("a", "b"));
}

TEST(File, ThatCannotBeReadIsNamedWithTheReason) {
  EXPECT_EQ(refusal({"run", "--config", "/nowhere/at-all"}),
            "--config: cannot read \"/nowhere/at-all\": No such file or directory");
  EXPECT_THAT(refusal({"run", "--config", "/"}), HasSubstr("Is a directory"));
  EXPECT_THAT(refusal({"run", "--config", "/dev/zero"}), HasSubstr("File too large"));
}

TEST(Defaults, OfTheTableAreThoseOfTheStructs) {
  const Settings parsed_defaults = settings({});
  const Settings built_in;
  EXPECT_EQ(parsed_defaults.capture.capture_port_base, built_in.capture.capture_port_base);
  EXPECT_EQ(parsed_defaults.capture.drop_invalid, built_in.capture.drop_invalid);
  EXPECT_EQ(parsed_defaults.capture.ip_family, built_in.capture.ip_family);
  EXPECT_EQ(parsed_defaults.capture.lock_wait, built_in.capture.lock_wait);
  EXPECT_EQ(parsed_defaults.capture.capture_timeout, built_in.capture.capture_timeout);
  EXPECT_EQ(parsed_defaults.capture.allow_host_network, built_in.capture.allow_host_network);
  EXPECT_EQ(parsed_defaults.capture.allow_foreign_before, built_in.capture.allow_foreign_before);
  EXPECT_EQ(parsed_defaults.limits.handshake_timeout, built_in.limits.handshake_timeout);
  EXPECT_EQ(parsed_defaults.limits.connect_timeout, built_in.limits.connect_timeout);
  EXPECT_EQ(parsed_defaults.limits.idle_timeout, built_in.limits.idle_timeout);
  EXPECT_EQ(parsed_defaults.limits.close_timeout, built_in.limits.close_timeout);
  EXPECT_EQ(parsed_defaults.limits.tcp_user_timeout, built_in.limits.tcp_user_timeout);
  EXPECT_EQ(parsed_defaults.limits.tcp_keepalive, built_in.limits.tcp_keepalive);
  EXPECT_EQ(parsed_defaults.limits.drain_delay, built_in.limits.drain_delay);
  EXPECT_EQ(parsed_defaults.limits.drain_timeout, built_in.limits.drain_timeout);
  EXPECT_EQ(parsed_defaults.limits.key_update_limit, built_in.limits.key_update_limit);
  EXPECT_EQ(parsed_defaults.limits.max_connections, built_in.limits.max_connections);
  EXPECT_EQ(parsed_defaults.limits.max_connections_per_client, built_in.limits.max_connections_per_client);
  EXPECT_EQ(parsed_defaults.limits.max_handshakes, built_in.limits.max_handshakes);
  EXPECT_EQ(parsed_defaults.limits.when_full, built_in.limits.when_full);
  EXPECT_EQ(parsed_defaults.process.workers, built_in.process.workers);
  EXPECT_EQ(parsed_defaults.process.log_format, built_in.process.log_format);
  EXPECT_EQ(parsed_defaults.process.log_level, built_in.process.log_level);
  EXPECT_EQ(parsed_defaults.process.access_log, built_in.process.access_log);
  EXPECT_EQ(parsed_defaults.tls.directory, "/etc/sidelock/tls");
  const PortPolicy policy = parsed_defaults.captured_ports.at(0).policy;
  EXPECT_EQ(policy.upstream, PortPolicy{}.upstream);
  EXPECT_EQ(policy.on_truncation, PortPolicy{}.on_truncation);
  EXPECT_EQ(policy.tls.alpn_mode, TlsPolicy{}.alpn_mode);
  EXPECT_EQ(parsed_defaults.dry_run, built_in.dry_run);
}

}  // namespace
}  // namespace sidelock
