// What a client is told whose certificate is missing, bad or not allowed: the alert of RFC 8446, 6.2, by the OpenSSL
// that the test runs with.
#include <ctime>
#include <thread>

#include <gtest/gtest.h>

#include "unit/tls/tls_visit.h"

namespace sidelock {
namespace {

constexpr int kNoAlert = -1;

struct Site {
  explicit Site(ClientAuth auth = ClientAuth::kRequire) {
    settings.self_signed = "localhost";
    policy.client_auth = auth;
    policy.allowed_clients.common_names = {"web"};
    auto trusted = std::make_shared<ClientTrust>();
    ::X509_up_ref(authority.certificate.get());
    trusted->authorities.emplace_back(authority.certificate.get());
    trusted->revocation_lists.push_back(revoke(authority, revoked.certificate.get()));
    files = load_tls_files(settings);
    files.client_trust = std::move(trusted);
  }

  [[nodiscard]] Visit receive(const TestPair* pair, int version, SSL_SESSION* session = nullptr,
                              std::time_t finishes_at = 0) const {
    Visitor visitor;
    visitor.version = version;
    visitor.pair = pair;
    visitor.session = session;
    visitor.finishes_at = finishes_at;
    return visit(context(), policy, visitor);
  }

  [[nodiscard]] const TlsContext& context() const {
    if (!made) made.emplace(settings, files, std::make_shared<TicketKeys>());
    return *made;
  }

  TlsSettings settings;
  TlsPolicy policy;
  TestPair authority = make_authority("Client CA");
  TestPair revoked = issue_for_client(authority, "web");
  TlsFiles files;
  mutable std::optional<TlsContext> made;
};

int alert_of(const Visit& visit) { return visit.alert.value_or(kNoAlert); }

class ClientAlerts : public testing::TestWithParam<int> {
 protected:
  // Of what both versions tell differently.
  static int choose(int tls12, int tls13) { return GetParam() == TLS1_3_VERSION ? tls13 : tls12; }
};

TEST_P(ClientAlerts, NoneForWhoMayConnect) {
  const Site site;
  const TestPair web = issue_for_client(site.authority, "web");
  const Visit visit = site.receive(&web, GetParam());
  EXPECT_EQ(visit.handshake, Handshake::kDone) << visit.failure;
  EXPECT_EQ(alert_of(visit), kNoAlert);
  EXPECT_EQ(visit.answer, "hello");
}

TEST_P(ClientAlerts, TellThatACertificateIsRequired) {
  const Site site;
  const Visit visit = site.receive(nullptr, GetParam());
  EXPECT_EQ(visit.handshake, Handshake::kClientCertificateMissing);
  EXPECT_EQ(alert_of(visit), choose(SSL_AD_HANDSHAKE_FAILURE, SSL_AD_CERTIFICATE_REQUIRED));
}

TEST_P(ClientAlerts, TellThatTheAuthorityIsUnknown) {
  const Site site;
  const TestPair stranger = issue_for_client(make_authority("Other CA"), "web");
  const Visit visit = site.receive(&stranger, GetParam());
  EXPECT_EQ(visit.handshake, Handshake::kClientCertificateInvalid);
  EXPECT_EQ(alert_of(visit), SSL_AD_UNKNOWN_CA);
}

TEST_P(ClientAlerts, TellThatTheCertificateHasExpired) {
  const Site site;
  const TestPair old = issue_for_client(site.authority, "web", {-3600, -1});
  const Visit visit = site.receive(&old, GetParam());
  EXPECT_EQ(visit.handshake, Handshake::kClientCertificateInvalid);
  EXPECT_EQ(alert_of(visit), SSL_AD_CERTIFICATE_EXPIRED);
}

TEST_P(ClientAlerts, TellThatTheCertificateIsRevoked) {
  const Site site;
  const Visit visit = site.receive(&site.revoked, GetParam());
  EXPECT_EQ(visit.handshake, Handshake::kClientCertificateInvalid);
  EXPECT_EQ(alert_of(visit), SSL_AD_CERTIFICATE_REVOKED);
}

TEST_P(ClientAlerts, TellThatAccessIsDenied) {
  const Site site;
  const TestPair other = issue_for_client(site.authority, "other");
  const Visit visit = site.receive(&other, GetParam());
  EXPECT_EQ(visit.handshake, Handshake::kClientNotAllowed);
  EXPECT_EQ(alert_of(visit), choose(SSL_AD_HANDSHAKE_FAILURE, SSL_AD_ACCESS_DENIED));
  EXPECT_EQ(visit.heard, "");
  EXPECT_EQ(visit.answer, "");
}

INSTANTIATE_TEST_SUITE_P(BothVersions, ClientAlerts, testing::Values(TLS1_2_VERSION, TLS1_3_VERSION),
                         [](const auto& version) { return version.param == TLS1_3_VERSION ? "Tls13" : "Tls12"; });

void wait_for(std::time_t second) {
  while (std::time(nullptr) < second) std::this_thread::sleep_for(std::chrono::milliseconds{1});
}

// Visits around the second in which the client's certificate ends.
void visit_at_the_end(int version) {
  const Site site;
  const std::time_t end = std::time(nullptr) + 3;
  const TestPair web = issue_for_client(site.authority, "web", {-3600, 3});
  wait_for(end - 1);
  const Visit last = site.receive(&web, version);
  const Visit overtaken = site.receive(&web, version, last.session.get(), end);
  // A machine that was busy for a second has shown nothing of what was before the end.
  const bool is_before_end = last.handshake == Handshake::kDone && overtaken.is_resumed;
  EXPECT_TRUE(is_before_end || last.alert || overtaken.alert);
  if (is_before_end) {
    EXPECT_EQ(overtaken.handshake, Handshake::kClientCertificateInvalid);
    EXPECT_EQ(overtaken.heard, "");
    // TLS 1.2 has no message left that could bring one.
    EXPECT_EQ(alert_of(overtaken), version == TLS1_3_VERSION ? SSL_AD_CERTIFICATE_EXPIRED : kNoAlert);
  }
  for (SSL_SESSION* const session : {last.session.get(), static_cast<SSL_SESSION*>(nullptr)}) {
    const Visit visit = site.receive(&web, version, session);
    EXPECT_EQ(visit.handshake, Handshake::kClientCertificateInvalid);
    EXPECT_EQ(alert_of(visit), SSL_AD_CERTIFICATE_EXPIRED) << visit.failure;
    EXPECT_EQ(visit.heard, "");
  }
  for (const Visit* const visit : {&last, &overtaken}) EXPECT_NE(alert_of(*visit), SSL_AD_INTERNAL_ERROR);
}

TEST(ClientAlert, IsThatOfAnExpiredCertificateFromTheVerySecondOn) {
  std::thread other{[] { visit_at_the_end(TLS1_2_VERSION); }};
  visit_at_the_end(TLS1_3_VERSION);
  other.join();
}

}  // namespace
}  // namespace sidelock
