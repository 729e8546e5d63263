// Records that sidelock seals and opens, against OpenSSL's AEADs used in the plainest way, and a published record.
#include <cstring>
#include <random>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "tls/record_protection.h"
#include "unit/tls/sealer.h"

namespace sidelock {
namespace {

using Direction = RecordProtection::Direction;
using Fault = RecordProtection::Fault;

constexpr std::size_t kMostPlain = RecordProtection::kMostPlain;

std::span<const std::byte> bytes_of(std::string_view text) { return std::as_bytes(std::span{text}); }

TrafficSecret secret_of(const std::string& text) {
  return TrafficSecret{{reinterpret_cast<const unsigned char*>(text.data()), text.size()}};
}

struct Opened {
  Fault fault = Fault::kNone;
  int type = 0;
  std::string text;
};

Opened open(RecordProtection& protection, const std::string& record) {
  std::vector<std::byte> plain(record.size());
  const RecordProtection::Opening opening = protection.open(bytes_of(record), plain);
  return {opening.fault, static_cast<int>(opening.type),
          std::string(reinterpret_cast<const char*>(plain.data()), opening.size)};
}

std::string seal(RecordProtection& protection, ContentType type, std::string_view text) {
  std::string record(text.size() + RecordProtection::kOverhead, '\0');
  EXPECT_TRUE(protection.seal(type, bytes_of(text), std::as_writable_bytes(std::span{record})));
  return record;
}

std::string random_text(std::mt19937& random, std::size_t size) {
  std::string made(size, '\0');
  for (char& character : made) character = static_cast<char>(random());
  return made;
}

class RecordProtectionOf : public testing::TestWithParam<std::uint16_t> {
 protected:
  [[nodiscard]] RecordProtection protection(Direction direction, std::uint64_t sequence = 0) const {
    return RecordProtection{direction, suite_of(GetParam()).value(), secret_of(secret), sequence};
  }
  [[nodiscard]] Sealer sealer() const { return Sealer{GetParam(), secret}; }

  std::mt19937 random{GetParam()};
  std::string secret = random_text(random, suite_of(GetParam()).value().hash_size);
};

TEST_P(RecordProtectionOf, SealsWhatOpensslsAeadSealsAndOpensItAgain) {
  RecordProtection sealing = protection(Direction::kSeal);
  RecordProtection opening = protection(Direction::kOpen);
  Sealer plain = sealer();
  for (const std::size_t size : {std::size_t{1}, std::size_t{2}, std::size_t{15}, std::size_t{16}, std::size_t{17},
                                 std::size_t{255}, std::size_t{1000}, std::size_t{4096}, kMostPlain - 1, kMostPlain}) {
    for (const ContentType type : {ContentType::kApplicationData, ContentType::kHandshake, ContentType::kAlert}) {
      const std::string text = random_text(random, size);
      const std::string record = seal(sealing, type, text);
      EXPECT_EQ(record, plain.seal(static_cast<int>(type), text)) << size;
      const Opened opened = open(opening, record);
      EXPECT_EQ(opened.fault, Fault::kNone);
      EXPECT_EQ(opened.type, static_cast<int>(type));
      EXPECT_EQ(opened.text, text) << size;
    }
  }
  EXPECT_EQ(sealing.sequence(), 30U);
}

TEST_P(RecordProtectionOf, GoesOnAtAnySequenceNumber) {
  for (const std::uint64_t sequence : {0xffULL, 0x100ULL, 0xffffffffULL, 0x100000000ULL, 0xfffffffffffffff0ULL}) {
    RecordProtection sealing = protection(Direction::kSeal, sequence);
    Sealer plain = sealer();
    plain.sequence = sequence;
    for (int i = 0; i < 3; ++i) {
      EXPECT_EQ(seal(sealing, ContentType::kApplicationData, "text"), plain.seal(SSL3_RT_APPLICATION_DATA, "text"));
    }
  }
}

TEST_P(RecordProtectionOf, FollowsAKeyUpdateInBothDirections) {
  RecordProtection sealing = protection(Direction::kSeal, 5);
  RecordProtection opening = protection(Direction::kOpen);
  Sealer plain = sealer();
  for (int i = 0; i < 3; ++i) {
    sealing.update_key();
    opening.update_key();
    plain.advance();
    for (int record = 0; record < 2; ++record) {
      const std::string sealed = seal(sealing, ContentType::kApplicationData, "new key");
      EXPECT_EQ(sealed, plain.seal(SSL3_RT_APPLICATION_DATA, "new key"));
      EXPECT_EQ(open(opening, sealed).text, "new key");
    }
  }
}

TEST_P(RecordProtectionOf, FindsEveryFlippedBitOfARecord) {
  const std::string record = sealer().seal(SSL3_RT_APPLICATION_DATA, "short enough to try all");
  for (std::size_t bit = 0; bit < record.size() * 8; ++bit) {
    std::string forged = record;
    forged[bit / 8] = static_cast<char>(forged[bit / 8] ^ 1 << bit % 8);
    RecordProtection opening = protection(Direction::kOpen);
    EXPECT_EQ(open(opening, forged).fault, Fault::kForged) << bit;
  }
}

TEST_P(RecordProtectionOf, FindsFlippedBitsOfALongRecord) {
  const std::string record = sealer().seal(SSL3_RT_APPLICATION_DATA, random_text(random, kMostPlain));
  for (int i = 0; i < 100; ++i) {
    std::string forged = record;
    forged[random() % forged.size()] ^= static_cast<char>(1U << random() % 8);
    RecordProtection opening = protection(Direction::kOpen);
    EXPECT_EQ(open(opening, forged).fault, Fault::kForged);
  }
}

TEST_P(RecordProtectionOf, OpensNeitherARepetitionNorAnyRecordOutOfTurn) {
  Sealer plain = sealer();
  const std::string first = plain.seal(SSL3_RT_APPLICATION_DATA, "first");
  const std::string second = plain.seal(SSL3_RT_APPLICATION_DATA, "second");
  RecordProtection opening = protection(Direction::kOpen);
  EXPECT_EQ(open(opening, first).fault, Fault::kNone);
  EXPECT_EQ(open(opening, first).fault, Fault::kForged);
  RecordProtection skipping = protection(Direction::kOpen);
  EXPECT_EQ(open(skipping, second).fault, Fault::kForged);
}

TEST_P(RecordProtectionOf, OpensNothingOfAnotherSecretOrOfTheKeyBefore) {
  Sealer other{GetParam(), random_text(random, secret.size())};
  RecordProtection opening = protection(Direction::kOpen);
  EXPECT_EQ(open(opening, other.seal(SSL3_RT_APPLICATION_DATA, "text")).fault, Fault::kForged);
  RecordProtection updated = protection(Direction::kOpen);
  updated.update_key();
  EXPECT_EQ(open(updated, sealer().seal(SSL3_RT_APPLICATION_DATA, "text")).fault, Fault::kForged);
}

TEST_P(RecordProtectionOf, TakesPaddingAwayHoweverMuchItIs) {
  Sealer plain = sealer();
  RecordProtection opening = protection(Direction::kOpen);
  for (const std::size_t size : {std::size_t{0}, std::size_t{1}, std::size_t{100}, kMostPlain}) {
    for (const std::size_t padding : {std::size_t{1}, std::size_t{255}, kMostPlain - size}) {
      if (size + padding > kMostPlain) continue;
      // Zeros of the content itself stay.
      const std::string text(size, '\0');
      const Opened opened = open(opening, plain.seal(SSL3_RT_APPLICATION_DATA, text, padding));
      EXPECT_EQ(opened.fault, Fault::kNone);
      EXPECT_EQ(opened.text, text);
    }
  }
}

TEST_P(RecordProtectionOf, FindsNoTypeInPaddingAlone) {
  Sealer plain = sealer();
  RecordProtection opening = protection(Direction::kOpen);
  for (const std::size_t size : {std::size_t{1}, std::size_t{2}, std::size_t{100}, kMostPlain + 1}) {
    EXPECT_EQ(open(opening, plain.seal(std::string(size, '\0'))).fault, Fault::kNoType) << size;
  }
}

// RFC 8446, 5.4: the padding counts.
TEST_P(RecordProtectionOf, RefusesMoreInnerTextThanARecordMayHold) {
  Sealer plain = sealer();
  RecordProtection opening = protection(Direction::kOpen);
  EXPECT_EQ(open(opening, plain.seal(SSL3_RT_APPLICATION_DATA, std::string(kMostPlain, 'x'))).fault, Fault::kNone);
  EXPECT_EQ(open(opening, plain.seal(SSL3_RT_APPLICATION_DATA, std::string(kMostPlain + 1, 'x'))).fault,
            Fault::kTooLong);
  EXPECT_EQ(open(opening, plain.seal(SSL3_RT_APPLICATION_DATA, std::string(kMostPlain, 'x'), 1)).fault,
            Fault::kTooLong);
  EXPECT_EQ(open(opening, plain.seal(SSL3_RT_APPLICATION_DATA, "x", kMostPlain)).fault, Fault::kTooLong);
  EXPECT_EQ(open(opening, plain.seal(SSL3_RT_APPLICATION_DATA, std::string(kMostPlain + 239, 'x'))).fault,
            Fault::kTooLong);
}

TEST_P(RecordProtectionOf, OpensNothingThatHasNoRoomForATagAndAType) {
  for (std::size_t size = 0; size <= RecordProtection::kTag; ++size) {
    std::string record = "\x17\x03\x03";
    record += '\0';
    record += static_cast<char>(size);
    record.append(size, 'x');
    RecordProtection opening = protection(Direction::kOpen);
    EXPECT_EQ(open(opening, record).fault, Fault::kForged) << size;
  }
  RecordProtection opening = protection(Direction::kOpen);
  EXPECT_EQ(open(opening, sealer().seal("")).fault, Fault::kForged) << "authentic, and empty";
}

INSTANTIATE_TEST_SUITE_P(EverySuite, RecordProtectionOf, testing::Values(0x1301, 0x1302, 0x1303),
                         [](const auto& suite) {
                           return suite.param == 0x1301 ? "Aes128" : suite.param == 0x1302 ? "Aes256" : "ChaCha20";
                         });

TEST(RecordProtection, OpensAndSealsThePublishedRecords) {
  const std::string secret = from_hex("9e40646ce79a7f9dc05af8889bce6552875afa0b06df0087f792ebb7c17504a5");
  // RFC 8448, 3: {client} send application_data record, {client} send alert record.
  const std::string data = from_hex(
      "1703030043a23f7054b62c94d0affafe8228ba55cbefacea42f914aa66bcab3f2b9819a8a5b46b395bd54a9a20441e2b62974e1f5a6292a2"
      "977014bd1e3deae63aeebb21694915e4");
  const std::string alert = from_hex("1703030013c9872760655666b74d7ff1153efd6db6d0b0e3");
  std::string text(50, '\0');
  for (std::size_t i = 0; i < text.size(); ++i) text[i] = static_cast<char>(i);
  const Suite suite = suite_of(0x1301).value();

  RecordProtection opening{Direction::kOpen, suite, secret_of(secret), 0};
  EXPECT_EQ(open(opening, data).text, text);
  const Opened closing = open(opening, alert);
  EXPECT_EQ(closing.type, SSL3_RT_ALERT);
  EXPECT_EQ(closing.text, from_hex("0100"));

  RecordProtection sealing{Direction::kSeal, suite, secret_of(secret), 0};
  EXPECT_EQ(seal(sealing, ContentType::kApplicationData, text), data);
  EXPECT_EQ(seal(sealing, ContentType::kAlert, from_hex("0100")), alert);
}

TEST(RecordProtection, KnowsNoOtherSuite) {
  for (const int number : {0, 0x1300, 0x1304, 0x1305, 0xc02b}) {
    EXPECT_FALSE(suite_of(static_cast<std::uint16_t>(number)).has_value()) << number;
  }
}

}  // namespace
}  // namespace sidelock
