// Secrets and keys against RFC 8448's published handshake, and against OpenSSL's own TLS 1.3 KDF.
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "tls/traffic_secret.h"
#include "unit/tls/sealer.h"

namespace sidelock {
namespace {

std::span<const unsigned char> bytes_of(const std::string& text) {
  return {reinterpret_cast<const unsigned char*>(text.data()), text.size()};
}

std::string expand(const TrafficSecret& secret, std::string_view label, std::size_t size) {
  std::string made(size, '\0');
  secret.expand(label, {reinterpret_cast<unsigned char*>(made.data()), size});
  return made;
}

struct Published {
  const char* secret;
  const char* key;
  const char* iv;
};

// RFC 8448, 3: client_application_traffic_secret_0 and server_application_traffic_secret_0.
constexpr Published kClient{"9e40646ce79a7f9dc05af8889bce6552875afa0b06df0087f792ebb7c17504a5",
                            "17422dda596ed5d9acd890e3c63f5051", "5b78923dee08579033e523d9"};
constexpr Published kServer{"a11af9f05531f856ad47116b45a950328204b4f44bfb6b3a4b4f1f3fcb631643",
                            "9f02283b6c9c07efc26bb9f2ac92e356", "cf782b88dd83549aadf1e984"};

TEST(TrafficSecret, MakesThePublishedKeys) {
  for (const Published& published : {kClient, kServer}) {
    const std::string bytes = from_hex(published.secret);
    const TrafficSecret secret{bytes_of(bytes)};
    EXPECT_EQ(expand(secret, "key", 16), from_hex(published.key));
    EXPECT_EQ(expand(secret, "iv", 12), from_hex(published.iv));
  }
}

class TrafficSecretOfSize : public testing::TestWithParam<std::size_t> {};

TEST_P(TrafficSecretOfSize, MakesWhatOpensslsKdfMakes) {
  for (int i = 0; i < 50; ++i) {
    const std::string bytes = random_bytes(GetParam());
    const TrafficSecret secret{bytes_of(bytes)};
    for (const std::size_t size : {std::size_t{1}, std::size_t{12}, std::size_t{16}, std::size_t{32}, GetParam()}) {
      for (const char* const label : {"key", "iv", "traffic upd", "finished"}) {
        EXPECT_EQ(expand(secret, label, size), expand_label(bytes, label, size));
      }
    }
  }
}

TEST_P(TrafficSecretOfSize, AdvancesAsOpensslsKdfDoes) {
  std::string bytes = random_bytes(GetParam());
  TrafficSecret secret{bytes_of(bytes)};
  for (int i = 0; i < 10; ++i) {
    secret.advance();
    bytes = expand_label(bytes, "traffic upd", bytes.size());
    EXPECT_EQ(expand(secret, "key", 32), expand_label(bytes, "key", 32));
    EXPECT_EQ(secret.size(), GetParam());
  }
}

// HKDF could make more, of several blocks; nobody needs it.
TEST_P(TrafficSecretOfSize, RefusesToMakeMoreThanItsHashHas) {
  const std::string bytes = random_bytes(GetParam());
  const TrafficSecret secret{bytes_of(bytes)};
  EXPECT_THROW(expand(secret, "key", GetParam() + 1), std::runtime_error);
}

INSTANTIATE_TEST_SUITE_P(BothHashes, TrafficSecretOfSize,
                         testing::Values(size_of(Hash::kSha256), size_of(Hash::kSha384)),
                         [](const auto& size) { return "Sha" + std::to_string(size.param * 8); });

TEST(TrafficSecret, IsNoneWithAnyOtherSize) {
  EXPECT_EQ(TrafficSecret{}.size(), 0U);
  for (const unsigned size : {0U, 1U, 16U, 31U, 33U, 47U, 49U, 64U}) {
    const std::string bytes(size, 'x');
    EXPECT_EQ(TrafficSecret{bytes_of(bytes)}.size(), 0U) << size;
  }
}

}  // namespace
}  // namespace sidelock
