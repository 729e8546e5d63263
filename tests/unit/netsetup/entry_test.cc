// A rule survives the way through x_tables' bytes.
#include "netsetup/iptables/entry.h"

#include <algorithm>
#include <cstring>

#include <gtest/gtest.h>

#include "netsetup/plan.h"
#include "support/capture_settings.h"

namespace sidelock::iptables {
namespace {

Plan every_kind_of_rule() {
  CaptureSettings settings = test::capture({{80, 80}, {1000, 1040}});
  settings.interfaces = {"eth0", "a_long_name_15c", "veth+"};
  settings.exclude_interfaces = {"docker0"};
  settings.exclude_sources = {*Cidr::parse("10.0.0.0/9"), *Cidr::parse("192.0.2.1"), *Cidr::parse("fd66::/61"),
                              *Cidr::parse("fd66::1")};
  return make_plan(settings);
}

void expect_round_trip(const Rule& rule, Family family) {
  const Decoded decoded = decode(encode(rule, family).data(), family, rule.target);
  EXPECT_EQ(decoded.rule, rule) << to_text(rule, "X") << '\n' << to_text(decoded.rule, "X");
}

TEST(Entry, OfEveryRuleOfAPlanReadsBackAsThatRule) {
  for (const FamilyPlan& family : every_kind_of_rule().families) {
    for (const TablePlan& table : family.tables) {
      for (const Hook& hook : table.hooks) expect_round_trip(hook.rule, family.family);
      for (const Chain& chain : table.chains) {
        for (const Rule& rule : chain.rules) expect_round_trip(rule, family.family);
      }
    }
  }
}

Rule redirect_rule() {
  return std::ranges::find(make_plan(test::capture_port(80)).families[0].tables[2].chains, "SIDELOCK_IN", &Chain::name)
      ->rules[0];
}

TEST(Entry, ReadsTheSameWhateverStandsBehindAName) {
  const Rule rule = redirect_rule();
  auto bytes = encode(rule, Family::kIpv4);
  for (const char* name : {"tcp", "addrtype", "REDIRECT"}) {
    const std::size_t length = std::strlen(name) + 1;
    const auto at = std::search(bytes.begin(), bytes.end(), name, name + length);
    ASSERT_NE(at, bytes.end());
    std::fill(at + static_cast<std::ptrdiff_t>(length), at + 29, static_cast<unsigned char>(0xa5));
  }
  EXPECT_EQ(decode(bytes.data(), Family::kIpv4, "REDIRECT").rule, rule);
}

TEST(Entry, SaysMoreWhenAByteOfAMatchChanges) {
  const Rule rule = redirect_rule();
  const auto bytes = encode(rule, Family::kIpv4);
  auto inverted = bytes;
  const char name[] = "tcp";
  const auto tcp = std::search(inverted.begin(), inverted.end(), name, name + sizeof name);
  *(tcp - 2 + 32 + 11) = 0x02;  // xt_tcp::invflags: ! --dport
  const Decoded decoded = decode(inverted.data(), Family::kIpv4, "REDIRECT");
  EXPECT_TRUE(decoded.rule.has_more);
  EXPECT_FALSE(decoded.rule.destination_ports);
}

}  // namespace
}  // namespace sidelock::iptables
