// What readiness makes of the certificates' dates and of what happens to run.
#include "run/health.h"

#include <gmock/gmock.h>

namespace sidelock {
namespace {

using std::chrono::hours;
using State = HealthCheck::State;
using Time = std::chrono::system_clock::time_point;

const Time kNow{hours{500'000}};

std::shared_ptr<const Credential> certificate(const std::string& subject, Time not_before, Time not_after) {
  auto made = std::make_shared<Credential>();
  made->subject = subject;
  made->not_before = not_before;
  made->not_after = not_after;
  return made;
}

HealthCheck check(const std::vector<HealthCheck>& checks, const std::string& name) {
  for (const HealthCheck& each : checks) {
    if (each.name == name) return each;
  }
  return {name, State::kFailed, "there is no such check"};
}

HealthCheck credential_check(const Health& health) { return check(health.report(kNow).ready, "credential"); }

bool is_well(const std::vector<HealthCheck>& checks) {
  for (const HealthCheck& each : checks) {
    if (each.state == State::kFailed) return false;
  }
  return true;
}

TEST(Health, IsReadyOnceEverythingIs) {
  const AdminSettings settings;
  Health health{settings};
  EXPECT_FALSE(is_well(health.report(kNow).ready));
  health.note_credentials({certificate("CN=a", kNow - hours{1}, kNow + hours{100})}, false);
  EXPECT_FALSE(is_well(health.report(kNow).ready));
  health.note_listening(2);
  EXPECT_FALSE(is_well(health.report(kNow).ready));
  health.note_capture(true, "proven");
  EXPECT_TRUE(is_well(health.report(kNow).ready));
  EXPECT_EQ(check(health.report(kNow).ready, "listeners").text, "2 port(s)");
  health.note_draining();
  EXPECT_EQ(check(health.report(kNow).ready, "drain").state, State::kFailed);
}

TEST(Health, StaysStartedAlthoughTheCaptureIsLost) {
  const AdminSettings settings;
  Health health{settings};
  health.note_listening(1);
  EXPECT_FALSE(is_well(health.report(kNow).started));
  health.note_capture(true, "proven");
  EXPECT_TRUE(is_well(health.report(kNow).started));
  health.note_capture(false, "not proven: why");
  EXPECT_TRUE(is_well(health.report(kNow).started));
  EXPECT_EQ(check(health.report(kNow).ready, "capture").text, "not proven: why");
}

TEST(Health, AnExpiredCertificateIsAWarningUnlessReadinessNeedsIt) {
  for (const bool is_needed : {false, true}) {
    const AdminSettings settings{std::nullopt, std::nullopt, is_needed};
    Health health{settings};
    health.note_credentials({certificate("CN=new", kNow - hours{1}, kNow + hours{100}),
                             certificate("CN=old", kNow - hours{100}, kNow - hours{72})},
                            false);
    EXPECT_EQ(credential_check(health).state, is_needed ? State::kFailed : State::kWarning);
    EXPECT_EQ(credential_check(health).text, "CN=old EXPIRED 3 days ago");
    health.note_credentials({certificate("CN=young", kNow + hours{5}, kNow + hours{100})}, false);
    EXPECT_EQ(credential_check(health).state, is_needed ? State::kFailed : State::kWarning);
    EXPECT_EQ(credential_check(health).text, "CN=young is not valid for another 5 hours");
  }
}

TEST(Health, AFailedReloadIsAWarningUntilOneSucceeds) {
  const AdminSettings settings;
  Health health{settings};
  const Credentials credentials{certificate("CN=a\n", kNow - hours{1}, kNow + std::chrono::minutes{90})};
  health.note_credentials(credentials, false);
  EXPECT_EQ(credential_check(health).text, "CN=a\\x0a is valid for another 90 minutes");
  health.note_failed_reload();
  EXPECT_EQ(credential_check(health).state, State::kWarning);
  EXPECT_THAT(credential_check(health).text, testing::EndsWith("the last reload failed, see the log"));
  health.note_credentials(credentials, true);
  EXPECT_EQ(credential_check(health).state, State::kOk);
  Snapshot snapshot;
  health.observe(snapshot);
  EXPECT_EQ(snapshot.reloads_succeeded, 1U);
  EXPECT_EQ(snapshot.reloads_failed, 1U);
  EXPECT_EQ(snapshot.certificates.at(0).subject, "CN=a\\x0a");
}

}  // namespace
}  // namespace sidelock
