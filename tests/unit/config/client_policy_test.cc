// Settings about clients' certificates: --client-auth, its files, and the allow lists.
#include <gmock/gmock.h>

#include "unit/config/given.h"

namespace sidelock {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::StartsWith;

constexpr const char* kPin = "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=";

const TlsPolicy& tls(const Settings& settings, std::size_t place = 0) {
  return settings.captured_ports.at(place).policy.tls;
}

TEST(ClientAuth, AsksNobodyByDefault) {
  EXPECT_EQ(tls(settings({})).client_auth, ClientAuth::kNone);
  EXPECT_EQ(settings({}).tls.client_ca_file, "");
}

TEST(ClientAuth, TakesTheAuthoritiesBesideTheCredential) {
  const Settings given = settings({"--client-auth", "require", "--tls-dir", "/x", "--client-crl-file", "/y/crl.pem"});
  EXPECT_EQ(tls(given).client_auth, ClientAuth::kRequire);
  EXPECT_EQ(given.tls.client_ca_file, "/x/ca.crt");
  EXPECT_EQ(given.tls.client_crl_file, "/y/crl.pem");
  EXPECT_EQ(settings({"--client-auth", "optional", "--client-ca-file", "/z"}).tls.client_ca_file, "/z");
}

TEST(ClientAuth, NeedsAuthorities) {
  EXPECT_THAT(refusal({"run", "--ports", "80", "--tls-cert-file", "a", "--client-auth", "require"}),
              StartsWith("--client-auth: asks for client certificates without authorities"));
}

TEST(ClientAuth, RefusesFilesThatNoPortUses) {
  EXPECT_THAT(refusal({"run", "--ports", "80", "--client-ca-file", "a"}),
              StartsWith("--client-ca-file: has no meaning while no port asks"));
  EXPECT_THAT(refusal({"run", "--ports", "80", "--client-crl-file", "a"}), StartsWith("--client-crl-file: has no"));
}

TEST(ClientAuth, IsAsPortsHaveIt) {
  const Settings given = parsed({"run", "--ports", "80,81", "--port-policy",
                                 "81:client-auth=require,allow-uri=spiffe://a/ns/*/sa/b,allow-uri=spiffe://a/c"})
                             .settings;
  EXPECT_EQ(tls(given).client_auth, ClientAuth::kNone);
  EXPECT_EQ(tls(given, 1).client_auth, ClientAuth::kRequire);
  EXPECT_THAT(tls(given, 1).allowed_clients.uris, ElementsAre("spiffe://a/ns/*/sa/b", "spiffe://a/c"));
  EXPECT_EQ(given.tls.client_ca_file, "/etc/sidelock/tls/ca.crt");
}

TEST(AllowLists, AreRead) {
  const Settings given = settings({"--client-auth", "require", "--allow-dns", "A.example,b.example", "--allow-cn",
                                   "a b", "--allow-ou", "c", "--allow-spki-pin", kPin});
  const AllowList& list = tls(given).allowed_clients;
  EXPECT_THAT(list.dns, ElementsAre("a.example", "b.example"));
  EXPECT_THAT(list.common_names, ElementsAre("a b"));
  EXPECT_THAT(list.units, ElementsAre("c"));
  EXPECT_THAT(list.spki_pins, ElementsAre(kPin));
}

TEST(AllowLists, MeanNothingUnlessCertificatesAreRequired) {
  for (const Words& allow : {Words{"--allow-dns", "a"},
                             {"--allow-uri", "spiffe://a/b"},
                             {"--allow-cn", "a"},
                             {"--allow-ou", "a"},
                             {"--allow-spki-pin", kPin}}) {
    for (const char* mode : {"none", "optional"}) {
      const std::string message = refusal({"run", "--ports", "80", "--client-auth", mode, allow[0], allow[1]});
      EXPECT_THAT(message, StartsWith(allow[0] + ": would let in every client, since client-auth is " + mode));
    }
  }
  const Words common{"run", "--ports", "80,81", "--client-auth", "require", "--allow-dns", "a", "--port-policy"};
  Words exempt = common;
  exempt.emplace_back("81:client-auth=none");
  EXPECT_THAT(refusal(exempt), HasSubstr("--allow-dns: would let in every client"));
  exempt.back() = "81:client-auth=none,allow-dns=";
  EXPECT_EQ(refusal(exempt), "it was accepted");
}

TEST(ClientAuth, StandsWithNothingThatComesBeforeIt) {
  EXPECT_THAT(refusal({"run", "--ports", "80", "--client-auth", "require", "--plaintext", "allow"}),
              StartsWith("--plaintext: would let clients in without the certificate"));
  EXPECT_THAT(refusal({"run", "--ports", "80", "--client-auth", "require", "--connect-first", "on"}),
              StartsWith("--connect-first: would connect clients to the app"));
}

TEST(AllowLists, OfOtherFormsAreRefused) {
  const Words required{"run", "--ports", "80", "--client-auth", "require"};
  const auto refused = [&](const char* flag, const std::string& value) {
    Words words = required;
    words.emplace_back(flag);
    words.push_back(value);
    return refusal(words);
  };
  EXPECT_THAT(refused("--allow-dns", "*.example"), HasSubstr("\"*.example\" is no DNS name"));
  EXPECT_THAT(refused("--allow-dns", "spiffe://a"), HasSubstr("is no DNS name"));
  EXPECT_THAT(refused("--allow-uri", "spiffe://*/b"), HasSubstr("has a wildcard before its path"));
  EXPECT_THAT(refused("--allow-uri", "spiffe://a/b*"), HasSubstr("has a wildcard for a part of a path segment"));
  EXPECT_THAT(refused("--allow-uri", "spiffe://a/**/b"), HasSubstr("has ** before the end"));
  EXPECT_THAT(refused("--allow-uri", "web"), HasSubstr("has no scheme"));
  EXPECT_THAT(refused("--allow-spki-pin", "abc"), HasSubstr("is no SHA-256 in base64"));
  EXPECT_THAT(refused("--allow-spki-pin", std::string(44, 'A')), HasSubstr("is no SHA-256 in base64"));
  EXPECT_THAT(refused("--allow-cn", "a,,b"), HasSubstr("has an empty item"));
}

}  // namespace
}  // namespace sidelock
