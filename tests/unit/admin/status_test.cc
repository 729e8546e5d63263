// The status page's texts, and who may ask for them.
#include "admin/status.h"

#include <gmock/gmock.h>

namespace sidelock {
namespace {

using testing::HasSubstr;
using testing::Not;

constexpr std::string_view kHostile = "<script>alert('x')</script>@foot@\"&";

StatusFacts hostile_facts() {
  const std::string text{kHostile};
  StatusFacts facts;
  PortSnapshot port;
  port.label = "80";
  port.closed = {{"ok", 3}, {"plaintext", 5}, {"limit", 0}};
  facts.counted.ports.push_back(port);
  facts.ports.push_back({"80", {text}, {{text, true}}});
  facts.counted.version = "1.2.3";
  facts.counted.openssl_version = text;
  facts.counted.certificates.push_back({text, text, {}, {}});
  facts.capture = text;
  facts.health.ready.push_back({text, HealthCheck::State::kFailed, text});
  facts.messages.push_back({"kind", log::Level::kError, text + "\xff", {}, 7});
  facts.now = std::chrono::system_clock::now();
  return facts;
}

TEST(StatusPage, EscapesEveryTextAndFillsEachPlaceOnce) {
  const std::string page = status_html(hostile_facts());
  EXPECT_THAT(page, Not(HasSubstr("<script>alert")));
  EXPECT_THAT(page, HasSubstr("&lt;script&gt;alert(&#39;x&#39;)&lt;/script&gt;@foot@&quot;&amp;"));
  for (const std::string place : {"@head@", "@ports@", "@checks@", "@messages@", "@open@"}) {
    EXPECT_THAT(page, Not(HasSubstr(place)));
  }
  EXPECT_THAT(page, HasSubstr("@media"));
}

TEST(StatusPage, OrdersReasonsByHowOftenTheyCameAndLeavesOutTheRest) {
  using Counts = std::vector<NamedCount>;
  EXPECT_EQ(connection_endings(hostile_facts().counted), (Counts{{"plaintext", 5}, {"ok", 3}}));
}

TEST(StatusPage, ColoursACertificateByTheDaysLeft) {
  const auto shown = [](int days) {
    StatusFacts facts;
    facts.now = std::chrono::system_clock::time_point{std::chrono::hours{24 * 10'000}};
    facts.counted.certificates.push_back({"file", "CN=x", {}, facts.now + std::chrono::hours{24 * days + 1}});
    return status_html(facts);
  };
  EXPECT_THAT(shown(90), HasSubstr("<span class=\"badge ok\">90 days left</span>"));
  EXPECT_THAT(shown(13), HasSubstr("<span class=\"badge warning\">13 days left</span>"));
  EXPECT_THAT(shown(1), HasSubstr("<span class=\"badge failed\">25 hours left</span>"));
  EXPECT_THAT(shown(-3), HasSubstr("<span class=\"badge failed\">EXPIRED 2 days ago</span>"));
}

TEST(StatusJson, IsPlainAsciiWhateverAText) {
  const std::string json = status_json(hostile_facts());
  EXPECT_TRUE(std::ranges::all_of(json, [](char c) { return static_cast<unsigned char>(c) < 0x80; }));
  EXPECT_THAT(json, HasSubstr(R"("closed":{"plaintext":5,"ok":3})"));
  EXPECT_THAT(json, HasSubstr(R"(\ufffd","count":7)"));
}

TEST(StatusHost, IsTheLocalOneOrTheOneServed) {
  const IpAddress loopback = IpAddress::loopback(AF_INET);
  for (const std::string_view host :
       {"localhost", "LOCALHOST:19081", "127.0.0.1", "127.0.0.1:8080", "[::1]", "[::1]:1"}) {
    EXPECT_TRUE(is_status_host(host, loopback)) << host;
  }
  for (const std::string_view host :
       {"", "evil.example", "evil.example:19081", "localhost.evil.example", "127.0.0.1.evil.example", "10.0.0.1",
        "[::2]:1", "::1", "[::1", "localhost:x", "a@localhost"}) {
    EXPECT_FALSE(is_status_host(host, loopback)) << host;
  }
  EXPECT_TRUE(is_status_host("10.0.0.1:19081", *IpAddress::parse("10.0.0.1")));
  EXPECT_TRUE(is_status_host("10.0.0.1:19081", IpAddress::any(AF_INET6)));
  EXPECT_FALSE(is_status_host("evil.example", IpAddress::any(AF_INET6)));
}

}  // namespace
}  // namespace sidelock
