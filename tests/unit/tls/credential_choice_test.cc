// Which credentials answer for a server name.
#include "tls/credential_choice.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace sidelock {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

IpAddress address(const char* text) { return *IpAddress::parse(text); }

// The credentials that answer, or {-1} for none.
std::vector<int> found(const CredentialChoice& choice, std::string_view name) {
  const auto set = choice.find(name);
  if (!set) return {-1};
  const CredentialChoice::Set& places = choice.sets()[*set];
  return {places.begin(), places.end()};
}

const CredentialChoice kChoice{{
    {{"a.example", "*.wild.example"}, {}, "EC"},
    {{"b.example", "exact.wild.example"}, {address("192.0.2.1"), address("2001:db8::1")}, "EC"},
    {{"a.example"}, {}, "RSA"},
    {{"192.0.2.9", "*", "*x.example", "a.*.example", "*.*.example"}, {}, "EC"},
}};

TEST(CredentialChoice, TakesTheExactNameBeforeTheWildcard) {
  EXPECT_THAT(found(kChoice, "b.example"), ElementsAre(1));
  EXPECT_THAT(found(kChoice, "exact.wild.example"), ElementsAre(1));
  EXPECT_THAT(found(kChoice, "other.wild.example"), ElementsAre(0));
}

TEST(CredentialChoice, HasKindsOfKeysSideBySide) {
  EXPECT_THAT(found(kChoice, "a.example"), ElementsAre(0, 2));
  EXPECT_THAT(kChoice.sets().front(), ElementsAre(0, 2)) << "the default";
}

TEST(CredentialChoice, IgnoresCaseAndOneDotAtTheEnd) {
  EXPECT_THAT(found(kChoice, "B.EXAMPLE"), ElementsAre(1));
  EXPECT_THAT(found(kChoice, "b.example."), ElementsAre(1));
  EXPECT_THAT(found(kChoice, "X.Wild.Example"), ElementsAre(0));
  EXPECT_THAT(found(kChoice, "b.example.."), ElementsAre(-1));
}

TEST(CredentialChoice, LetsAWildcardStandForOneWholeLabel) {
  for (const char* name : {"wild.example", ".wild.example", "a.b.wild.example", "x.example", "yx.example",
                           "a.b.example", "a.*.example", "*.*.example", "*.wild.example.", "localhost", "", "."}) {
    // The asterisk itself is one label like any other.
    EXPECT_THAT(found(kChoice, name), ElementsAre(std::string_view{name} == "*.wild.example." ? 0 : -1)) << name;
  }
}

TEST(CredentialChoice, ComparesNamesByTheWholeLength) {
  const std::string with_nul{"b.example\0.evil.example", 23};
  EXPECT_THAT(found(kChoice, with_nul), ElementsAre(-1));
}

TEST(CredentialChoice, NeverTakesANameForAnAddress) {
  EXPECT_THAT(found(kChoice, "192.0.2.1"), ElementsAre(1));
  EXPECT_THAT(found(kChoice, "2001:db8::1"), ElementsAre(1));
  EXPECT_THAT(found(kChoice, "192.0.2.9"), ElementsAre(-1)) << "a DNS name that looks like an address";
}

TEST(CredentialChoice, NamesWhatIsNeverUsed) {
  EXPECT_THAT(kChoice.unused(), IsEmpty());
  const CredentialChoice choice{{{{"a.example"}, {}, "EC"}, {{"a.example"}, {}, "RSA"}, {{"a.example"}, {}, "EC"}}};
  EXPECT_THAT(choice.unused(), ElementsAre(2));
  const CredentialChoice nameless{{{{}, {}, "EC"}, {{}, {}, "RSA"}}};
  EXPECT_THAT(nameless.unused(), ElementsAre(1));
  EXPECT_THAT(nameless.sets().front(), ElementsAre(0));
}

}  // namespace
}  // namespace sidelock
