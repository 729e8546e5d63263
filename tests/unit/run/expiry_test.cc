// What has gone out of date is said, and said again.
#include "run/expiry_reminder.h"

#include <gmock/gmock.h>

#include "run/announce.h"

namespace sidelock {
namespace {

using std::chrono::hours;
using testing::ElementsAre;
using testing::IsEmpty;
using Time = std::chrono::system_clock::time_point;

const Time kNow{hours{500'000}};

TlsFiles certificate(Time not_before, Time not_after) {
  auto made = std::make_shared<Credential>();
  made->subject = "CN=shop";
  made->source = "tls.crt";
  made->not_before = not_before;
  made->not_after = not_after;
  return {{made}, nullptr};
}

TEST(Expiry, AValidCertificateIsNoMatter) {
  EXPECT_THAT(expiry_warnings(certificate(kNow - hours{1}, kNow + hours{1}), kNow), IsEmpty());
}

TEST(Expiry, ACertificateThatHasExpiredOrIsNotValidYet) {
  EXPECT_THAT(expiry_warnings(certificate(kNow - hours{2}, kNow - hours{1}), kNow),
              ElementsAre("certificate CN=shop from tls.crt has EXPIRED: clients will refuse it"));
  EXPECT_THAT(expiry_warnings(certificate(kNow + hours{1}, kNow + hours{2}), kNow),
              ElementsAre("certificate CN=shop from tls.crt is not valid yet: clients will refuse it"));
}

TEST(Expiry, ARevocationListThatIsOutOfDate) {
  auto trust = std::make_shared<ClientTrust>();
  trust->source = "ca.crt and crl.pem";
  trust->lists_end = kNow - hours{1};
  EXPECT_THAT(
      expiry_warnings({{}, trust}, kNow),
      ElementsAre("a revocation list of ca.crt and crl.pem is out of date: every client of its authority is refused"));
  EXPECT_THAT(expiry_warnings({{}, trust}, kNow - hours{2}), IsEmpty());
}

TEST(ExpiryReminder, RemindsEachTimeTheIntervalHasPassed) {
  Reactor reactor;
  int times = 0;
  const Clock::time_point start = reactor.now();
  constexpr std::chrono::milliseconds kInterval{2};
  const ExpiryReminder reminder{reactor,
                                [&] {
                                  if (++times == 3) reactor.stop();
                                },
                                kInterval};
  reactor.run();
  EXPECT_EQ(times, 3);
  EXPECT_GE(reactor.now() - start, 3 * kInterval);
}

TEST(ExpiryReminder, IsHourlyWhereNothingElseIsSaid) { EXPECT_EQ(ExpiryReminder::kInterval, hours{1}); }

}  // namespace
}  // namespace sidelock
