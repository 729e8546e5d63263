// HKDF against RFC 5869's and RFC 8448's published values.
#include <array>
#include <string>

#include <gtest/gtest.h>

#include "tls/hkdf.h"
#include "unit/tls/sealer.h"

namespace sidelock {
namespace {

Bytes bytes_of(const std::string& text) { return {reinterpret_cast<const unsigned char*>(text.data()), text.size()}; }

std::span<unsigned char> room_in(std::string& text) {
  return {reinterpret_cast<unsigned char*>(text.data()), text.size()};
}

std::string extract(const std::string& salt, const std::string& material) {
  std::string made(size_of(Hash::kSha256), '\0');
  EXPECT_TRUE(hkdf_extract(Hash::kSha256, bytes_of(salt), bytes_of(material), room_in(made)));
  return made;
}

TEST(Hkdf, ExtractsAsPublished) {
  // RFC 5869, A.1 to A.3.
  EXPECT_EQ(extract(from_hex("000102030405060708090a0b0c"), std::string(22, '\x0b')),
            from_hex("077709362c2e32df0ddc3f0dc47bba6390b6c73bb50f9c3122ec844ad7c2b3e5"));
  std::string salt;
  std::string material;
  for (int i = 0; i < 80; ++i) {
    material += static_cast<char>(i);
    salt += static_cast<char>(0x60 + i);
  }
  std::string made(size_of(Hash::kSha256), '\0');
  EXPECT_FALSE(hkdf_extract(Hash::kSha256, bytes_of(salt), bytes_of(material), room_in(made))) << "longer than a block";
  EXPECT_EQ(extract("", std::string(22, '\x0b')),
            from_hex("19ef24a32c717b167f33a91d6f648bdf96596776afdb6377ac434c1c293ccb04"));
}

// RFC 8448, 3: from nothing to the secrets of a handshake.
TEST(Hkdf, WalksThePublishedKeySchedule) {
  const std::string zeros(size_of(Hash::kSha256), '\0');
  const std::string early = extract("", zeros);
  EXPECT_EQ(early, from_hex("33ad0a1c607ec03b09e6cd9893680ce210adf300aa1f2660e1b22e10f170f92a"));
  std::string salt = zeros;
  ASSERT_TRUE(hkdf_derive_salt(Hash::kSha256, bytes_of(early), {.text = "derived", .context = {}}, room_in(salt)));
  EXPECT_EQ(salt, from_hex("6f2615a108c702c5678f54fc9dbab69716c076189c48250cebeac3576c3611ba"));
  const std::string shared = from_hex("8bd4054fb55b9d63fdfbacf9f04b9f0d35e6d63f537563efd46272900f89492d");
  const std::string handshake = extract(salt, shared);
  EXPECT_EQ(handshake, from_hex("1dc826e93606aa6fdc0aadc12f741b01046aa6b99f691ed221a9f0ca043fbeac"));
  const std::string messages = from_hex("860c06edc07858ee8e78f0e7428c58edd6b43f2ca3e6e95f02ed063cf0e1cad8");
  std::string client = zeros;
  ASSERT_TRUE(hkdf_expand_label(Hash::kSha256, bytes_of(handshake),
                                {.text = "c hs traffic", .context = bytes_of(messages)}, room_in(client)));
  EXPECT_EQ(client, from_hex("b3eddb126e067f35a780b3abf45e2d8f3b1a950738f52e9600746a0e27a55a21"));
}

TEST(Hkdf, RefusesWhatItsLengthsCannotSay) {
  const std::string secret(size_of(Hash::kSha384), 's');
  const std::string longest(255, 'x');
  const std::string too_long(256, 'x');
  std::string made(255 * size_of(Hash::kSha384), '\0');
  const auto expand = [&](const Label& label) {
    return hkdf_expand_label(Hash::kSha384, bytes_of(secret), label, room_in(made));
  };
  EXPECT_TRUE(expand({"", longest, bytes_of(longest)}));
  EXPECT_FALSE(expand({"x", longest, {}}));
  EXPECT_FALSE(expand({"", "", bytes_of(too_long)}));
  made += 'x';
  EXPECT_FALSE(expand({"", "label", {}}));
  std::string wrong_size(size_of(Hash::kSha384) - 1, '\0');
  EXPECT_FALSE(hkdf_extract(Hash::kSha384, {}, {}, room_in(wrong_size)));
}

}  // namespace
}  // namespace sidelock
