// Which verified clients may connect.
#include "policy/allow_list.h"

#include <gtest/gtest.h>

#include "base/uri_pattern.h"

namespace sidelock {
namespace {

constexpr const char* kPin = "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=";

PeerIdentity client() {
  PeerIdentity identity;
  identity.subject = "CN=web";
  identity.dns = {"web.example", "www.example"};
  identity.uris = {"spiffe://cluster.local/ns/shop/sa/web"};
  identity.common_names = {"web", "second"};
  identity.units = {"Sales", "Web Team"};
  identity.spki_pin = kPin;
  return identity;
}

TEST(AllowList, LetsEveryVerifiedClientInWhenItIsEmpty) { EXPECT_TRUE(is_allowed(PeerIdentity{}, AllowList{})); }

using Names = std::vector<std::string>;

AllowList list_of(Names AllowList::*kind, Names names) {
  AllowList list;
  list.*kind = std::move(names);
  return list;
}

TEST(AllowList, NamesTheEntryThatLetsIn) {
  const AllowList list{{"other.example"}, {"spiffe://cluster.local/**"}, {"web"}, {}, {}};
  const auto entry = allowing_entry(client(), list);
  ASSERT_TRUE(entry);
  EXPECT_EQ(entry->setting, "allow-uri");
  EXPECT_EQ(entry->value, "spiffe://cluster.local/**");
  EXPECT_FALSE(allowing_entry(client(), AllowList{}));
}

TEST(AllowList, LetsInWhoeverMatchesAnyEntry) {
  EXPECT_TRUE(is_allowed(client(), list_of(&AllowList::dns, {"other.example", "www.example"})));
  EXPECT_TRUE(is_allowed(client(), list_of(&AllowList::uris, {"spiffe://cluster.local/ns/*/sa/web"})));
  EXPECT_TRUE(is_allowed(client(), list_of(&AllowList::common_names, {"second"})));
  EXPECT_TRUE(is_allowed(client(), list_of(&AllowList::units, {"Web Team"})));
  EXPECT_TRUE(is_allowed(client(), list_of(&AllowList::spki_pins, {kPin})));
  AllowList two = list_of(&AllowList::dns, {"other.example"});
  two.units = {"Sales"};
  EXPECT_TRUE(is_allowed(client(), two));
}

TEST(AllowList, LetsNobodyElseIn) {
  EXPECT_FALSE(is_allowed(PeerIdentity{}, list_of(&AllowList::dns, {"web.example"})));
  EXPECT_FALSE(is_allowed(PeerIdentity{}, list_of(&AllowList::uris, {"spiffe://a/**"})));
  EXPECT_FALSE(is_allowed(PeerIdentity{}, list_of(&AllowList::spki_pins, {kPin})));
  EXPECT_FALSE(is_allowed(client(), list_of(&AllowList::dns, {"web.example.evil", "eb.example"})));
  EXPECT_FALSE(is_allowed(client(), list_of(&AllowList::common_names, {"Web", "we", "web "}))) << "byte for byte";
  EXPECT_FALSE(is_allowed(client(), list_of(&AllowList::units, {"Sale", "web team"})));
  EXPECT_FALSE(is_allowed(client(), list_of(&AllowList::spki_pins, {"47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFV="})));
}

TEST(AllowList, NeverTakesOneKindOfNameForAnother) {
  EXPECT_FALSE(is_allowed(client(), list_of(&AllowList::dns, {"web", "sales"})));
  EXPECT_FALSE(is_allowed(client(), list_of(&AllowList::common_names, {"web.example", "Sales"})));
  EXPECT_FALSE(is_allowed(client(), list_of(&AllowList::units, {"web"})));
  PeerIdentity odd;
  odd.common_names = {"spiffe://cluster.local/ns/shop/sa/web"};
  odd.dns = {"spiffe://cluster.local/ns/shop/sa/web", kPin};
  EXPECT_FALSE(is_allowed(odd, list_of(&AllowList::uris, {"spiffe://cluster.local/ns/shop/sa/web"})));
  EXPECT_FALSE(is_allowed(odd, list_of(&AllowList::spki_pins, {kPin})));
}

TEST(AllowList, HasNoPinForAClientWithoutKey) {
  PeerIdentity keyless = client();
  keyless.spki_pin.clear();
  EXPECT_FALSE(is_allowed(keyless, list_of(&AllowList::spki_pins, {kPin})));
}

TEST(UriPattern, MatchesBySegments) {
  struct Case {
    const char* pattern;
    const char* uri;
    bool is_match;
  };
  const std::vector<Case> cases{
      {"spiffe://a/ns/x/sa/y", "spiffe://a/ns/x/sa/y", true},
      {"spiffe://a/ns/x/sa/y", "spiffe://A/ns/x/sa/y", false},
      {"spiffe://a/ns/x/sa/y", "spiffe://a/ns/x/sa/y/", false},
      {"spiffe://a/ns/*/sa/y", "spiffe://a/ns/x/sa/y", true},
      {"spiffe://a/ns/*/sa/y", "spiffe://a/ns/x/z/sa/y", false},
      {"spiffe://a/ns/*/sa/y", "spiffe://a/ns//sa/y", false},
      {"spiffe://a/ns/*/sa/y", "spiffe://a/ns/../sa/y", false},
      {"spiffe://a/ns/*/sa/y", "spiffe://a/ns/./sa/y", false},
      {"spiffe://a/ns/*/sa/y", "spiffe://a/ns/x%2Fz/sa/y", false},
      {"spiffe://a/ns/*/sa/y", "spiffe://a/ns/x?/sa/y", false},
      {"spiffe://a/ns/*/sa/y", "spiffe://a/ns/x/sa/y#z", false},
      {"spiffe://a/ns/*/sa/y", "spiffe://a.evil/ns/x/sa/y", false},
      {"spiffe://a/ns/*/sa/y", "spiffe://a/ns/x/sa/yy", false},
      {"spiffe://a/ns/*/sa/y", "spiffe://a/ns/x/sa", false},
      {"spiffe://a/ns/*/sa/y", "spiffe://a/ns/*/sa/y", true},
      {"spiffe://a/ns/*", "spiffe://a/ns/x", true},
      {"spiffe://a/ns/*", "spiffe://a/ns/", false},
      {"spiffe://a/ns/*", "spiffe://a/ns", false},
      {"spiffe://a/*/*", "spiffe://a/x/y", true},
      {"spiffe://a/**", "spiffe://a/x", true},
      {"spiffe://a/**", "spiffe://a/x/y/z", true},
      {"spiffe://a/**", "spiffe://a/", false},
      {"spiffe://a/**", "spiffe://a", false},
      {"spiffe://a/**", "spiffe://ab/x", false},
      {"spiffe://a/**", "spiffe://a/x/../y", false},
      {"spiffe://a/**", "spiffe://a/x//y", false},
      {"spiffe://a/*/**", "spiffe://a/x", false},
      {"spiffe://a/*/**", "spiffe://a/x/y", true},
      {"urn:uuid:1", "urn:uuid:1", true},
      {"urn:uuid:1", "urn:uuid:12", false},
  };
  for (const Case& c : cases) EXPECT_EQ(matches_uri(c.pattern, c.uri), c.is_match) << c.pattern << " " << c.uri;
}

TEST(UriPattern, MayHaveWildcardsOnlyForWholeSegments) {
  for (const char* good : {"spiffe://a/**", "spiffe://a/*/b/**", "spiffe://a/b", "urn:uuid:1", "https://a:8/x?y"}) {
    EXPECT_EQ(fault_of_uri_pattern(good), std::nullopt) << good;
  }
  for (const char* bad : {"", "web", ":x", "*", "spiffe://*/ns", "spiffe://*", "spiffe://a*/b", "urn:*",
                          "spiffe://a/b*", "spiffe://a/***", "spiffe://a/**/b", "*://a/b", "spiffe:/a/*"}) {
    EXPECT_NE(fault_of_uri_pattern(bad), std::nullopt) << bad;
  }
}

}  // namespace
}  // namespace sidelock
