// What clients that break the rules after a TLS 1.3 handshake are told, or try to have too much of.
#include "tls/record_protection.h"
#include "unit/tls/both_record_layers.h"

namespace sidelock {
namespace {

class HostileClients : public BothRecordLayers {};
FOR_BOTH_RECORD_LAYERS(HostileClients);

TEST_P(HostileClients, EndAFloodOfKeyUpdates) {
  site.key_updates_per_second = 3;
  for (const char request : {'\0', '\x01'}) {
    Conversation& both = talk();
    Sealer sealer = both.client.sealer();
    std::string wire = sealer.seal(kData, "first");
    for (int i = 0; i < 4; ++i) wire += sealer.update_key(request);
    both.send(wire + sealer.seal(kData, "behind"));
    EXPECT_EQ(both.hear(), "first");
    EXPECT_EQ(both.end, ReadEnd::kKeyUpdateFlood);
    EXPECT_EQ(both.hear(), "");
  }
}

TEST_P(HostileClients, RefuseWhatIsBehindAKeyUpdateInItsRecord) {
  for (const std::string& behind : {std::string{"x"}, kKeyUpdate}) {
    Conversation& both = talk();
    Sealer sealer = both.client.sealer();
    expect_refusal(both, sealer.seal(kHandshake, kKeyUpdate + behind), SSL_AD_UNEXPECTED_MESSAGE);
  }
}

TEST_P(HostileClients, RefuseAKeyUpdateThatAsksForSomethingUnknown) {
  for (const char request : {'\x02', '\xff'}) {
    Conversation& both = talk();
    Sealer sealer = both.client.sealer();
    expect_refusal(both, sealer.update_key(request), SSL_AD_ILLEGAL_PARAMETER);
  }
}

TEST_P(HostileClients, RefuseAKeyUpdateOfAWrongLength) {
  for (const std::size_t size : {std::size_t{0}, std::size_t{2}, std::size_t{300}}) {
    Conversation& both = talk();
    Sealer sealer = both.client.sealer();
    expect_refusal(both, sealer.seal(kHandshake, handshake_message(SSL3_MT_KEY_UPDATE, std::string(size, '\0'))),
                   {SSL_AD_DECODE_ERROR, SSL_AD_ILLEGAL_PARAMETER});
  }
}

TEST_P(HostileClients, RefuseEveryOtherHandshakeMessage) {
  for (const int type : {0, SSL3_MT_CLIENT_HELLO, SSL3_MT_NEWSESSION_TICKET, SSL3_MT_END_OF_EARLY_DATA,
                         SSL3_MT_CERTIFICATE, SSL3_MT_CERTIFICATE_VERIFY, SSL3_MT_FINISHED, 254}) {
    Conversation& both = talk();
    Sealer sealer = both.client.sealer();
    expect_refusal(both, sealer.seal(kHandshake, handshake_message(type, "body")), SSL_AD_UNEXPECTED_MESSAGE);
  }
}

TEST_P(HostileClients, LiveOnAfterAUserHasCanceledSomething) {
  Conversation& both = talk();
  Sealer sealer = both.client.sealer();
  for (int round = 0; round < 3; ++round) {
    for (int i = 0; i < kMostWarnings; ++i) both.send(sealer.seal(kAlert, kUserCanceled));
    EXPECT_EQ(both.hear(), "");
    expect_life(both, sealer);
  }
  std::string wire;
  for (int i = 0; i <= kMostWarnings; ++i) wire += sealer.seal(kAlert, kUserCanceled);
  expect_refusal(both, wire, SSL_AD_UNEXPECTED_MESSAGE);
}

TEST_P(HostileClients, RefuseAnAlertOfAWrongSize) {
  for (const std::string& alert : {std::string{}, std::string{"\x01"}, std::string{"\x01\0\x01\0", 4}}) {
    Conversation& both = talk();
    Sealer sealer = both.client.sealer();
    expect_refusal(both, sealer.seal(kAlert, alert), SSL_AD_UNEXPECTED_MESSAGE);
  }
}

TEST_P(HostileClients, RefuseARecordThatIsForgedAnywhere) {
  const std::size_t size = RecordProtection::kOverhead + 4;
  for (std::size_t place = RecordProtection::kHeader; place < size; ++place) {
    Conversation& both = talk();
    Sealer sealer = both.client.sealer();
    const std::string good = sealer.seal(kData, "good");
    std::string forged = sealer.seal(kData, "evil");
    ASSERT_EQ(forged.size(), size);
    forged[place] = static_cast<char>(forged[place] ^ 1);
    expect_refusal(both, good + forged + sealer.seal(kData, "more"), SSL_AD_BAD_RECORD_MAC, "good");
  }
}

TEST_P(HostileClients, RefuseARecordWhoseHeaderLies) {
  for (const int size : {3, 15, 16, 24, 26}) {
    Conversation& both = talk();
    Sealer sealer = both.client.sealer();
    std::string forged = in_turn({sealer.seal(kData, "12345678"), sealer.seal(kData, "more")});
    forged[4] = static_cast<char>(size);
    expect_refusal(both, forged, SSL_AD_BAD_RECORD_MAC);
  }
}

TEST_P(HostileClients, RefuseAnotherVersionInAHeader) {
  for (const char* const version : {"\x03\x01", "\x03\x04", "\x02\x03"}) {
    Conversation& both = talk();
    Sealer sealer = both.client.sealer();
    sealer.version = version;
    expect_refusal(both, sealer.seal(kData, "text"), {SSL_AD_DECODE_ERROR, SSL_AD_PROTOCOL_VERSION});
  }
}

TEST_P(HostileClients, RefuseARepeatedRecord) {
  Conversation& both = talk();
  Sealer sealer = both.client.sealer();
  const std::string record = sealer.seal(kData, "once");
  expect_refusal(both, record + record, SSL_AD_BAD_RECORD_MAC, "once");
}

TEST_P(HostileClients, RefuseTheKeyBeforeAKeyUpdate) {
  Conversation& both = talk();
  Sealer sealer = both.client.sealer();
  std::string wire = sealer.seal(kHandshake, kKeyUpdate);
  wire += sealer.seal(kData, "old");
  expect_refusal(both, wire, SSL_AD_BAD_RECORD_MAC);
}

TEST_P(HostileClients, RefuseTooLongARecordWithoutWaitingForIt) {
  for (const std::string& length : {std::string{"\x41\x01"}, std::string{"\xff\xff"}}) {
    Conversation& both = talk();
    expect_refusal(both, "\x17\x03\x03" + length, SSL_AD_RECORD_OVERFLOW);
  }
}

TEST_P(HostileClients, RefuseTheLongestRecordWhenItIsForged) {
  Conversation& both = talk();
  expect_refusal(both, std::string{"\x17\x03\x03\x41\0", 5} + std::string(kMostPlain + 256, 'x'),
                 SSL_AD_BAD_RECORD_MAC);
}

TEST_P(HostileClients, RefuseTooLongAContent) {
  Conversation& both = talk();
  Sealer sealer = both.client.sealer();
  both.send(sealer.seal(kData, std::string(kMostPlain, 'x')));
  EXPECT_EQ(both.hear().size(), kMostPlain);
  expect_refusal(both, sealer.seal(kData, std::string(kMostPlain + 1, 'x')), SSL_AD_RECORD_OVERFLOW);
}

TEST_P(HostileClients, RefuseWhatIsNotProtected) {
  for (const char type : {'\x14', '\x15', '\x16', '\x18', '\0', 'G'}) {
    Conversation& both = talk();
    Sealer sealer = both.client.sealer();
    // A change_cipher_spec, an alert that says close_notify...
    const std::string wire = std::string{type} + std::string{"\x03\x03\0\x02\x01\0", 7};
    expect_refusal(both, sealer.seal(kData, "good") + wire, SSL_AD_UNEXPECTED_MESSAGE, "good");
  }
}

TEST_P(HostileClients, RefuseAnInnerTypeThatNobodySends) {
  for (const int type : {1, 20, 24, 255}) {
    for (const char* const text : {"", "x"}) {
      Conversation& both = talk();
      Sealer sealer = both.client.sealer();
      expect_refusal(both, sealer.seal(type, text), SSL_AD_UNEXPECTED_MESSAGE);
    }
  }
}

TEST_P(HostileClients, RefusePaddingAlone) {
  for (const unsigned size : {1U, 2U, 1000U}) {
    Conversation& both = talk();
    Sealer sealer = both.client.sealer();
    expect_refusal(both, sealer.seal(std::string(size, '\0')), SSL_AD_UNEXPECTED_MESSAGE);
  }
}

TEST_P(HostileClients, RefuseARecordOfNothingButATag) {
  Conversation& both = talk();
  Sealer sealer = both.client.sealer();
  expect_refusal(both, sealer.seal(""), SSL_AD_BAD_RECORD_MAC);
}

TEST_P(HostileClients, RefuseAnEmptyHandshakeRecord) {
  Conversation& both = talk();
  Sealer sealer = both.client.sealer();
  expect_refusal(both, sealer.seal(kHandshake, ""), SSL_AD_UNEXPECTED_MESSAGE);
}

TEST_P(HostileClients, TakeEmptyRecordsUntilTheyAreAStorm) {
  Conversation& both = talk();
  Sealer sealer = both.client.sealer();
  const auto empties = [&](int count) {
    std::string wire;
    for (int i = 0; i < count; ++i) wire += sealer.seal(kData, "", i == 0 ? 5 : 0);
    return wire;
  };
  // Anything that is not empty ends the row.
  both.send(in_turn({empties(kMostEmptyRecords), sealer.update_key(0), empties(kMostEmptyRecords),
                     sealer.seal(kAlert, kUserCanceled), empties(kMostEmptyRecords)}));
  EXPECT_EQ(both.hear(), "");
  expect_life(both, sealer);
  expect_refusal(both, empties(kMostEmptyRecords + 1), SSL_AD_UNEXPECTED_MESSAGE);
}

// RFC 8446, 5.1. OpenSSL lets an alert through there.
TEST(HostileClientsOfSidelock, MaySendNothingBetweenThePartsOfAMessage) {
  for (const int type : {kData, kAlert}) {
    TestSite site{true};
    Conversation talk{site};
    ASSERT_TRUE(talk.shake_hands());
    Sealer sealer = talk.client.sealer();
    talk.send(in_turn({sealer.seal(kHandshake, kKeyUpdate.substr(0, 2)), sealer.seal(type, kUserCanceled),
                       sealer.seal(kHandshake, kKeyUpdate.substr(2))}));
    EXPECT_EQ(talk.hear(), "");
    EXPECT_EQ(talk.end, ReadEnd::kRecordError);
    talk.receive();
    EXPECT_EQ(talk.client.alert, SSL_AD_UNEXPECTED_MESSAGE);
  }
}

}  // namespace
}  // namespace sidelock
