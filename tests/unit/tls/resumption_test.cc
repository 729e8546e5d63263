// Tickets against a server whose ticket keys are replaced, and early data, by the OpenSSL that the test runs with.
#include <gtest/gtest.h>

#include "unit/tls/tls_visit.h"

namespace sidelock {
namespace {

using std::chrono::hours;

struct Site {
  // Somebody asks for the present key so much later.
  void let_time_pass(hours time) { keys->current(now += time); }

  [[nodiscard]] Visit receive(const Visitor& visitor) const { return visit(context, policy, visitor); }

  std::chrono::steady_clock::time_point now = std::chrono::steady_clock::now();
  TlsSettings settings = [] {
    TlsSettings made;
    made.self_signed = "localhost";
    return made;
  }();
  TlsPolicy policy;
  std::shared_ptr<TicketKeys> keys = std::make_shared<TicketKeys>(now);
  TlsContext context{settings, load_tls_files(settings), keys};
};

class Resumption : public testing::TestWithParam<int> {
 protected:
  static Visitor visitor(SSL_SESSION* session = nullptr) {
    Visitor made;
    made.version = GetParam();
    made.session = session;
    return made;
  }
};

TEST_P(Resumption, ATicketOpensUntilItsKeyHasBeenReplacedTwice) {
  Site site;
  const Visit first = site.receive(visitor());
  ASSERT_NE(first.session, nullptr);
  EXPECT_FALSE(first.is_resumed);
  EXPECT_TRUE(site.receive(visitor(first.session.get())).is_resumed);

  site.let_time_pass(TicketKeys::kLife + hours{1});
  const Visit overlapping = site.receive(visitor(first.session.get()));
  EXPECT_TRUE(overlapping.is_resumed);
  ASSERT_NE(overlapping.session, nullptr) << "the old ticket is answered with one of the new key";

  site.let_time_pass(TicketKeys::kLife + hours{1});
  const Visit late = site.receive(visitor(first.session.get()));
  EXPECT_FALSE(late.is_resumed);
  EXPECT_EQ(late.answer, "hello") << "it shakes hands in full";
  EXPECT_TRUE(site.receive(visitor(overlapping.session.get())).is_resumed);
}

TEST_P(Resumption, NoTicketOpensAfterTheKeysHaveBeenForgotten) {
  Site site;
  const Visit first = site.receive(visitor());
  site.keys->replace_all(site.now);
  const Visit second = site.receive(visitor(first.session.get()));
  EXPECT_FALSE(second.is_resumed);
  EXPECT_EQ(second.answer, "hello");
}

INSTANTIATE_TEST_SUITE_P(BothVersions, Resumption, testing::Values(TLS1_2_VERSION, TLS1_3_VERSION),
                         [](const auto& version) { return version.param == TLS1_3_VERSION ? "Tls13" : "Tls12"; });

TEST(EarlyData, IsNotOfferedAndNotTakenFromWhoSendsItAllTheSame) {
  const Site site;
  const Visit first = site.receive({});
  ASSERT_NE(first.session, nullptr);
  EXPECT_EQ(::SSL_SESSION_get_max_early_data(first.session.get()), 0U);
  ::SSL_SESSION_set_max_early_data(first.session.get(), 16384);
  Visitor eager;
  eager.session = first.session.get();
  eager.early_data = std::string(10000, 'e');
  const Visit visit = site.receive(eager);
  EXPECT_EQ(visit.early_data, SSL_EARLY_DATA_REJECTED);
  EXPECT_TRUE(visit.is_resumed);
  EXPECT_EQ(visit.heard, "x");
  EXPECT_EQ(visit.answer, "hello");
}

}  // namespace
}  // namespace sidelock
