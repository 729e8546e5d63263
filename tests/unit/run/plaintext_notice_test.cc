// Which ports `run` names that let clients without TLS through.
#include "run/plaintext_notice.h"

#include <gmock/gmock.h>

#include "unit/config/given.h"

namespace sidelock {
namespace {

using testing::HasSubstr;

std::string notice(const Words& flags) {
  Words words{"run"};
  words.insert(words.end(), flags.begin(), flags.end());
  return plaintext_notice(parsed(words).settings);
}

TEST(PlaintextNotice, IsEmptyWhenAllPortsRefuse) { EXPECT_EQ(notice({"--ports", "80,443"}), ""); }

TEST(PlaintextNotice, NamesThePortsAndNeighboursAsARange) {
  EXPECT_THAT(notice({"--ports", "80,8000-8010,443", "--plaintext", "allow"}), HasSubstr(" port(s) 80,443,8000-8010;"));
  EXPECT_THAT(notice({"--ports", "80,81,443", "--plaintext", "allow", "--port-policy", "81:plaintext=refuse"}),
              HasSubstr(" port(s) 80,443;"));
}

TEST(PlaintextNotice, NamesAListenerOnceHoweverManyAddressesItHas) {
  EXPECT_THAT(notice({"--capture", "none", "--listen", "192.0.2.1:443=80,192.0.2.2:443=81", "--plaintext", "allow"}),
              HasSubstr(" port(s) 443;"));
}

TEST(PlaintextNotice, KnowsEveryPort) {
  EXPECT_THAT(notice({"--ports", "*", "--plaintext", "allow"}), HasSubstr(" port(s) *;"));
  EXPECT_THAT(notice({"--ports", "*", "--port-policy", "80:plaintext=allow"}), HasSubstr(" port(s) 80;"));
  EXPECT_THAT(notice({"--ports", "*", "--plaintext", "allow", "--port-policy", "80:alpn=h2"}),
              HasSubstr(" port(s) 80 and every port without a policy of its own;"));
}

}  // namespace
}  // namespace sidelock
