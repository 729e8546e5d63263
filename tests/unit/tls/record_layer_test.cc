// What a client may do after a TLS 1.3 handshake, honest or not: sidelock's record layer and OpenSSL's answer alike.
#include <algorithm>
#include <random>

#include <gtest/gtest.h>

#include "tls/record_protection.h"
#include "unit/tls/conversation.h"

namespace sidelock {
namespace {

constexpr int kData = SSL3_RT_APPLICATION_DATA;
constexpr int kAlert = SSL3_RT_ALERT;
constexpr int kHandshake = SSL3_RT_HANDSHAKE;
constexpr std::size_t kMostPlain = 16384;
constexpr int kMostEmptyRecords = 32;
constexpr int kMostWarnings = 4;

const std::string kUserCanceled{'\x01', '\x5a'};

std::string handshake_message(int type, std::string_view body) {
  return std::string{static_cast<char>(type), '\0', static_cast<char>(body.size() >> 8U),
                     static_cast<char>(body.size())} +
         std::string{body};
}
const std::string kKeyUpdate = handshake_message(SSL3_MT_KEY_UPDATE, {"\0", 1});

// In a braced list the parts are made from left to right, each with the next sequence number.
std::string in_turn(std::initializer_list<std::string> parts) {
  std::string all;
  for (const std::string& part : parts) all += part;
  return all;
}

std::string random_text(std::mt19937& random, std::size_t size) {
  std::string made(size, '\0');
  for (char& character : made) character = static_cast<char>(random());
  return made;
}

class BothRecordLayers : public testing::TestWithParam<bool> {
 protected:
  // After a handshake.
  Conversation& talk(const TlsClient::Terms& terms = {}) {
    made_ = std::make_unique<Conversation>(site, terms);
    EXPECT_TRUE(made_->shake_hands()) << made_->stream->failure();
    return *made_;
  }

  // The client speaks once more, and is told that this was wrong; what came before is delivered.
  static void expect_refusal(Conversation& talk, const std::string& wire, std::vector<int> alerts,
                             const std::string& before = {}) {
    talk.send(wire);
    EXPECT_EQ(talk.hear(), before);
    EXPECT_EQ(talk.end, ReadEnd::kRecordError);
    EXPECT_NE(talk.stream->failure(), "");
    talk.receive();
    ASSERT_TRUE(talk.client.alert.has_value());
    expect_one_of(*talk.client.alert, alerts);
    EXPECT_FALSE(talk.say("too late"));
    EXPECT_EQ(talk.hear(), "") << "nothing comes after the end";
    EXPECT_EQ(talk.end, ReadEnd::kRecordError);
  }
  static void expect_refusal(Conversation& talk, const std::string& wire, int alert, const std::string& before = {}) {
    expect_refusal(talk, wire, std::vector{alert}, before);
  }

  static void expect_life(Conversation& talk, Sealer& sealer) {
    talk.send(sealer.seal(kData, "alive"));
    EXPECT_EQ(talk.hear(), "alive");
    EXPECT_EQ(talk.end, ReadEnd::kWouldBlock);
    EXPECT_TRUE(talk.say("yes"));
    EXPECT_EQ(talk.receive(), "yes");
  }

  TestSite site{GetParam()};

 private:
  static void expect_one_of(int alert, const std::vector<int>& alerts) {
    EXPECT_NE(std::find(alerts.begin(), alerts.end(), alert), alerts.end()) << "alert " << alert;
  }

  std::unique_ptr<Conversation> made_;
};

INSTANTIATE_TEST_SUITE_P(Sidelock, BothRecordLayers, testing::Values(true),
                         [](const auto&) { return std::string{"Native"}; });
INSTANTIATE_TEST_SUITE_P(Openssl, BothRecordLayers, testing::Values(false),
                         [](const auto&) { return std::string{"Openssl"}; });

// Or the tests below would compare OpenSSL with itself: ours has sealed the ticket already when there is nothing else
// to say, and has to send it first.
TEST_P(BothRecordLayers, AreTwoDifferentOnes) {
  Conversation& both = talk();
  both.stream->close_notify();
  both.receive();
  EXPECT_EQ(both.client.tickets, GetParam() ? 1 : 0);
  EXPECT_TRUE(both.client.has_end());
}

TEST_P(BothRecordLayers, CarryBytesBothWaysHoweverTheyAreCut) {
  for (const char* const suite : {"TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384", "TLS_CHACHA20_POLY1305_SHA256"}) {
    TlsClient::Terms terms;
    terms.suites = suite;
    Conversation& both = talk(terms);
    EXPECT_EQ(both.stream->facts().cipher, suite);
    std::mt19937 random{1};
    for (int round = 0; round < 12; ++round) {
      const std::string text = random_text(random, 1 + random() % (round % 3 == 0 ? 60000 : 300));
      both.client.write(text);
      std::string wire = both.client.take();
      std::string heard;
      while (!wire.empty()) {
        const std::size_t size = std::min<std::size_t>(wire.size(), 1 + random() % (round % 2 == 0 ? 20000 : 2000));
        both.send(wire.substr(0, size));
        wire.erase(0, size);
        heard += both.hear();
      }
      EXPECT_TRUE(heard == text);
      const std::string answer = random_text(random, 1 + random() % 250000);
      EXPECT_TRUE(both.say(answer));
      EXPECT_TRUE(both.receive() == answer);
    }
    EXPECT_EQ(both.end, ReadEnd::kWouldBlock);
  }
}

TEST_P(BothRecordLayers, ReadAStreamByteByByte) {
  Conversation& both = talk();
  Sealer sealer = both.client.sealer();
  const std::string wire = in_turn({sealer.seal(kData, "one"), sealer.seal(kData, "", 3), sealer.update_key(1),
                                    sealer.seal(kData, "two", 20), sealer.seal(kAlert, {"\x01\0", 2})});
  std::string heard;
  for (const char byte : wire) {
    EXPECT_EQ(both.end, ReadEnd::kWouldBlock);
    both.send({&byte, 1});
    heard += both.hear();
  }
  EXPECT_EQ(heard, "onetwo");
  EXPECT_EQ(both.end, ReadEnd::kCleanEnd);
  EXPECT_TRUE(both.say("bye"));
  EXPECT_EQ(both.receive(), "bye");
  EXPECT_EQ(both.client.key_updates, 1);
}

TEST_P(BothRecordLayers, TakePaddingOff) {
  for (const std::size_t block : {std::size_t{2}, std::size_t{512}, kMostPlain}) {
    Conversation& both = talk();
    ASSERT_EQ(::SSL_set_block_padding(both.client.ssl(), block), 1);
    for (const std::size_t size : {std::size_t{1}, std::size_t{511}, std::size_t{512}, std::size_t{40000}}) {
      const std::string text(size, 'p');
      both.client.write(text);
      both.send_client();
      EXPECT_TRUE(both.hear() == text);
    }
  }
}

TEST_P(BothRecordLayers, FollowTheClientsKeyUpdates) {
  Conversation& both = talk();
  int answered = 0;
  for (const int request : {SSL_KEY_UPDATE_NOT_REQUESTED, SSL_KEY_UPDATE_REQUESTED, SSL_KEY_UPDATE_REQUESTED,
                            SSL_KEY_UPDATE_NOT_REQUESTED, SSL_KEY_UPDATE_REQUESTED}) {
    both.client.update_key(request);
    answered += request == SSL_KEY_UPDATE_REQUESTED ? 1 : 0;
    both.client.write("under a new key");
    both.send_client();
    EXPECT_EQ(both.hear(), "under a new key");
    EXPECT_TRUE(both.say("and back"));
    EXPECT_EQ(both.receive(), "and back");
    EXPECT_EQ(both.client.key_updates, answered);
  }
}

TEST_P(BothRecordLayers, FollowManyKeyUpdatesInOnePiece) {
  Conversation& both = talk();
  Sealer sealer = both.client.sealer();
  std::string wire;
  for (int i = 0; i < 20; ++i) wire += sealer.update_key(static_cast<char>(i % 2));
  both.send(wire);
  EXPECT_EQ(both.hear(), "");
  expect_life(both, sealer);
  EXPECT_EQ(both.client.key_updates, 10);
}

TEST_P(BothRecordLayers, EndAFloodOfKeyUpdates) {
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

TEST_P(BothRecordLayers, TakeAKeyUpdateInPieces) {
  for (std::size_t cut = 1; cut < kKeyUpdate.size(); ++cut) {
    Conversation& both = talk();
    Sealer sealer = both.client.sealer();
    both.send(sealer.seal(kHandshake, kKeyUpdate.substr(0, cut)));
    EXPECT_EQ(both.hear(), "");
    both.send(sealer.seal(kHandshake, kKeyUpdate.substr(cut)));
    sealer.advance();
    expect_life(both, sealer);
  }
}

TEST_P(BothRecordLayers, RefuseWhatIsBehindAKeyUpdateInItsRecord) {
  for (const std::string& behind : {std::string{"x"}, kKeyUpdate}) {
    Conversation& both = talk();
    Sealer sealer = both.client.sealer();
    expect_refusal(both, sealer.seal(kHandshake, kKeyUpdate + behind), SSL_AD_UNEXPECTED_MESSAGE);
  }
}

TEST_P(BothRecordLayers, RefuseAKeyUpdateThatAsksForSomethingUnknown) {
  for (const char request : {'\x02', '\xff'}) {
    Conversation& both = talk();
    Sealer sealer = both.client.sealer();
    expect_refusal(both, sealer.update_key(request), SSL_AD_ILLEGAL_PARAMETER);
  }
}

TEST_P(BothRecordLayers, RefuseAKeyUpdateOfAWrongLength) {
  for (const std::size_t size : {std::size_t{0}, std::size_t{2}, std::size_t{300}}) {
    Conversation& both = talk();
    Sealer sealer = both.client.sealer();
    expect_refusal(both, sealer.seal(kHandshake, handshake_message(SSL3_MT_KEY_UPDATE, std::string(size, '\0'))),
                   {SSL_AD_DECODE_ERROR, SSL_AD_ILLEGAL_PARAMETER});
  }
}

TEST_P(BothRecordLayers, RefuseEveryOtherHandshakeMessage) {
  for (const int type : {0, SSL3_MT_CLIENT_HELLO, SSL3_MT_NEWSESSION_TICKET, SSL3_MT_END_OF_EARLY_DATA,
                         SSL3_MT_CERTIFICATE, SSL3_MT_CERTIFICATE_VERIFY, SSL3_MT_FINISHED, 254}) {
    Conversation& both = talk();
    Sealer sealer = both.client.sealer();
    expect_refusal(both, sealer.seal(kHandshake, handshake_message(type, "body")), SSL_AD_UNEXPECTED_MESSAGE);
  }
}

TEST_P(BothRecordLayers, CloseEachDirectionAlone) {
  Conversation& both = talk();
  ::SSL_shutdown(both.client.ssl());
  both.send_client();
  EXPECT_EQ(both.hear(), "");
  EXPECT_EQ(both.end, ReadEnd::kCleanEnd);
  EXPECT_TRUE(both.say("the rest"));
  EXPECT_EQ(both.receive(), "the rest");
  EXPECT_FALSE(both.client.has_end());
  EXPECT_TRUE(both.stream->close_notify());
  EXPECT_TRUE(both.stream->has_sent_close_notify());
  both.receive();
  EXPECT_TRUE(both.client.has_end());
}

TEST_P(BothRecordLayers, HearAClientThatSpeaksAfterOurEnd) {
  Conversation& both = talk();
  both.stream->close_notify();
  EXPECT_FALSE(both.say("too late"));
  both.client.write("more");
  both.send_client();
  EXPECT_EQ(both.hear(), "more");
  Sealer sealer = both.client.sealer();
  sealer.sequence = 1;
  both.send(in_turn({sealer.update_key(0), sealer.seal(kData, "and more")}));
  EXPECT_EQ(both.hear(), "and more");
  both.receive();
  EXPECT_TRUE(both.client.has_end());
  EXPECT_EQ(both.client.read_error, "");
}

TEST_P(BothRecordLayers, DeliverNothingBehindACloseNotify) {
  Conversation& both = talk();
  Sealer sealer = both.client.sealer();
  const std::string close_notify{"\x02\0", 2};  // the level says nothing
  both.send(in_turn({sealer.seal(kData, "before"), sealer.seal(kAlert, close_notify), sealer.seal(kData, "behind")}));
  EXPECT_EQ(both.hear(), "before");
  EXPECT_EQ(both.end, ReadEnd::kCleanEnd);
  both.send(sealer.seal(kData, "and later"));
  EXPECT_EQ(both.hear(), "");
  EXPECT_EQ(both.end, ReadEnd::kCleanEnd);
}

TEST_P(BothRecordLayers, TellABareEndFromATruncatedRecord) {
  const std::string record_size(27, '\0');
  for (std::size_t cut = 0; cut < record_size.size(); cut += cut < 6 ? 1 : 7) {
    Conversation& both = talk();
    Sealer sealer = both.client.sealer();
    const std::string whole = sealer.seal(kData, "whole");
    const std::string next = sealer.seal(kData, "next");
    both.send(whole + next.substr(0, cut));
    both.end_client();
    EXPECT_EQ(both.hear(), "whole");
    EXPECT_EQ(both.end, cut == 0 ? ReadEnd::kBareEnd : ReadEnd::kTruncated) << cut;
    EXPECT_TRUE(both.say("still there?"));
    EXPECT_EQ(both.receive(), "still there?");
  }
}

TEST_P(BothRecordLayers, TellAResetFromAnEnd) {
  Conversation& both = talk();
  both.reset_client();
  EXPECT_EQ(both.hear(), "");
  EXPECT_EQ(both.end, ReadEnd::kReset);
}

TEST_P(BothRecordLayers, EndWithAFatalAlertOfTheClient) {
  for (const char level : {'\x01', '\x02'}) {  // which says nothing
    Conversation& both = talk();
    Sealer sealer = both.client.sealer();
    const std::string alert{level, static_cast<char>(SSL_AD_INTERNAL_ERROR)};
    both.send(in_turn({sealer.seal(kData, "before"), sealer.seal(kAlert, alert), sealer.seal(kData, "behind")}));
    EXPECT_EQ(both.hear(), "before");
    EXPECT_EQ(both.end, ReadEnd::kRecordError);
    EXPECT_NE(both.stream->failure().find("internal error"), std::string::npos) << both.stream->failure();
    EXPECT_FALSE(both.say("too late"));
    both.receive();
    EXPECT_FALSE(both.client.alert.has_value()) << "an alert is not answered with one";
  }
}

TEST_P(BothRecordLayers, LiveOnAfterAUserHasCanceledSomething) {
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

TEST_P(BothRecordLayers, RefuseAnAlertOfAWrongSize) {
  for (const std::string& alert : {std::string{}, std::string{"\x01"}, std::string{"\x01\0\x01\0", 4}}) {
    Conversation& both = talk();
    Sealer sealer = both.client.sealer();
    expect_refusal(both, sealer.seal(kAlert, alert), SSL_AD_UNEXPECTED_MESSAGE);
  }
}

TEST_P(BothRecordLayers, RefuseARecordThatIsForgedAnywhere) {
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

TEST_P(BothRecordLayers, RefuseARecordWhoseHeaderLies) {
  for (const int size : {3, 15, 16, 24, 26}) {
    Conversation& both = talk();
    Sealer sealer = both.client.sealer();
    std::string forged = in_turn({sealer.seal(kData, "12345678"), sealer.seal(kData, "more")});
    forged[4] = static_cast<char>(size);
    expect_refusal(both, forged, SSL_AD_BAD_RECORD_MAC);
  }
}

TEST_P(BothRecordLayers, RefuseAnotherVersionInAHeader) {
  for (const char* const version : {"\x03\x01", "\x03\x04", "\x02\x03"}) {
    Conversation& both = talk();
    Sealer sealer = both.client.sealer();
    sealer.version = version;
    expect_refusal(both, sealer.seal(kData, "text"), {SSL_AD_DECODE_ERROR, SSL_AD_PROTOCOL_VERSION});
  }
}

TEST_P(BothRecordLayers, RefuseARepeatedRecord) {
  Conversation& both = talk();
  Sealer sealer = both.client.sealer();
  const std::string record = sealer.seal(kData, "once");
  expect_refusal(both, record + record, SSL_AD_BAD_RECORD_MAC, "once");
}

TEST_P(BothRecordLayers, RefuseTheKeyBeforeAKeyUpdate) {
  Conversation& both = talk();
  Sealer sealer = both.client.sealer();
  std::string wire = sealer.seal(kHandshake, kKeyUpdate);
  wire += sealer.seal(kData, "old");
  expect_refusal(both, wire, SSL_AD_BAD_RECORD_MAC);
}

TEST_P(BothRecordLayers, RefuseTooLongARecordWithoutWaitingForIt) {
  for (const std::string& length : {std::string{"\x41\x01"}, std::string{"\xff\xff"}}) {
    Conversation& both = talk();
    expect_refusal(both, "\x17\x03\x03" + length, SSL_AD_RECORD_OVERFLOW);
  }
}

TEST_P(BothRecordLayers, RefuseTheLongestRecordWhenItIsForged) {
  Conversation& both = talk();
  expect_refusal(both, std::string{"\x17\x03\x03\x41\0", 5} + std::string(kMostPlain + 256, 'x'),
                 SSL_AD_BAD_RECORD_MAC);
}

TEST_P(BothRecordLayers, RefuseTooLongAContent) {
  Conversation& both = talk();
  Sealer sealer = both.client.sealer();
  both.send(sealer.seal(kData, std::string(kMostPlain, 'x')));
  EXPECT_EQ(both.hear().size(), kMostPlain);
  expect_refusal(both, sealer.seal(kData, std::string(kMostPlain + 1, 'x')), SSL_AD_RECORD_OVERFLOW);
}

TEST_P(BothRecordLayers, RefuseWhatIsNotProtected) {
  for (const char type : {'\x14', '\x15', '\x16', '\x18', '\0', 'G'}) {
    Conversation& both = talk();
    Sealer sealer = both.client.sealer();
    // A change_cipher_spec, an alert that says close_notify...
    const std::string wire = std::string{type} + std::string{"\x03\x03\0\x02\x01\0", 7};
    expect_refusal(both, sealer.seal(kData, "good") + wire, SSL_AD_UNEXPECTED_MESSAGE, "good");
  }
}

TEST_P(BothRecordLayers, RefuseAnInnerTypeThatNobodySends) {
  for (const int type : {1, 20, 24, 255}) {
    for (const char* const text : {"", "x"}) {
      Conversation& both = talk();
      Sealer sealer = both.client.sealer();
      expect_refusal(both, sealer.seal(type, text), SSL_AD_UNEXPECTED_MESSAGE);
    }
  }
}

TEST_P(BothRecordLayers, RefusePaddingAlone) {
  for (const unsigned size : {1U, 2U, 1000U}) {
    Conversation& both = talk();
    Sealer sealer = both.client.sealer();
    expect_refusal(both, sealer.seal(std::string(size, '\0')), SSL_AD_UNEXPECTED_MESSAGE);
  }
}

TEST_P(BothRecordLayers, RefuseARecordOfNothingButATag) {
  Conversation& both = talk();
  Sealer sealer = both.client.sealer();
  expect_refusal(both, sealer.seal(""), SSL_AD_BAD_RECORD_MAC);
}

TEST_P(BothRecordLayers, RefuseAnEmptyHandshakeRecord) {
  Conversation& both = talk();
  Sealer sealer = both.client.sealer();
  expect_refusal(both, sealer.seal(kHandshake, ""), SSL_AD_UNEXPECTED_MESSAGE);
}

TEST_P(BothRecordLayers, TakeEmptyRecordsUntilTheyAreAStorm) {
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

TEST_P(BothRecordLayers, HearAtOnceWhatCameRightBehindTheFinished) {
  Conversation both{site};
  ASSERT_TRUE(both.shake_hands("early"));
  EXPECT_EQ(both.hear(), "early");
  both.client.write("later");
  both.send_client();
  EXPECT_EQ(both.hear(), "later");
}

TEST_P(BothRecordLayers, HearWhatCameInPartBehindTheFinished) {
  const std::string early(20000, 'e');
  for (const std::size_t held_back : {std::size_t{1}, std::size_t{22}, std::size_t{3638}, std::size_t{10000},
                                      std::size_t{20040}, std::size_t{20043}}) {
    Conversation both{site};
    ASSERT_TRUE(both.shake_hands(early, held_back));
    std::string heard = both.hear();
    EXPECT_LT(heard.size(), early.size());
    both.send(both.held());
    heard += both.hear();
    EXPECT_TRUE(heard == early);
    EXPECT_EQ(both.end, ReadEnd::kWouldBlock);
  }
}

TEST_P(BothRecordLayers, GiveTheTicketWithTheFirstBytesAndResumeWithIt) {
  Conversation& first = talk();
  first.receive();
  EXPECT_EQ(first.client.tickets, 0);
  EXPECT_TRUE(first.say("hello"));
  EXPECT_EQ(first.receive(), "hello");
  EXPECT_TRUE(first.say("again"));
  EXPECT_EQ(first.receive(), "again");
  EXPECT_EQ(first.client.tickets, 1);
  const SessionPtr session{::SSL_get1_session(first.client.ssl())};
  TlsClient::Terms terms;
  terms.session = session.get();
  Conversation& second = talk(terms);
  EXPECT_TRUE(second.stream->facts().is_resumed);
  EXPECT_TRUE(second.say("hello"));
  EXPECT_EQ(second.receive(), "hello");
  EXPECT_EQ(second.client.tickets, 1);
}

TEST_P(BothRecordLayers, GiveTheTicketBeforeAnAnswerToAKeyUpdate) {
  Conversation& both = talk();
  both.client.update_key(SSL_KEY_UPDATE_REQUESTED);
  both.send_client();
  EXPECT_EQ(both.hear(), "");
  EXPECT_TRUE(both.say("hello"));
  EXPECT_EQ(both.receive(), "hello");
  EXPECT_EQ(both.client.key_updates, 1);
  if (GetParam()) {
    EXPECT_EQ(both.client.tickets, 1);
  }
}

TEST_P(BothRecordLayers, KeepTheFactsOfTheHandshake) {
  const TestPair authority = make_authority("Client CA");
  const TestPair web = issue_for_client(authority, "web");
  auto trusted = std::make_shared<ClientTrust>();
  ::X509_up_ref(authority.certificate.get());
  trusted->authorities.emplace_back(authority.certificate.get());
  site.files = load_tls_files(site.settings);
  site.files->client_trust = std::move(trusted);
  site.policy.client_auth = ClientAuth::kRequire;
  site.policy.allowed_clients.common_names = {"web"};
  site.policy.alpn_mode = AlpnMode::kList;
  site.policy.alpn = {"h2", "http/1.1"};
  TlsClient::Terms terms;
  terms.pair = &web;
  terms.server_name = "localhost";
  terms.protocols = "\x08http/1.1";
  Conversation& both = talk(terms);
  const TlsFacts& facts = both.stream->facts();
  EXPECT_EQ(facts.version, "1.3");
  EXPECT_EQ(facts.protocol, "http/1.1");
  EXPECT_EQ(facts.server_name, "localhost");
  EXPECT_EQ(facts.client_common_name, "web");
  EXPECT_TRUE(facts.has_client_certificate);
  Sealer sealer = both.client.sealer();
  expect_life(both, sealer);
}

// RFC 6066, 4: a client with little memory asks for short records.
TEST_P(BothRecordLayers, SendNoLongerRecordsThanTheClientHasAskedFor) {
  TlsClient::Terms terms;
  terms.fragment_length = TLSEXT_max_fragment_length_512;
  Conversation& both = talk(terms);
  const std::string text(3000, 'x');
  EXPECT_TRUE(both.say(text));
  EXPECT_TRUE(both.receive() == text);
  EXPECT_EQ(both.client.read_error, "");
  both.client.write(text);
  both.send_client();
  EXPECT_TRUE(both.hear() == text);
}

TEST_P(BothRecordLayers, LeaveTls12ToOpenssl) {
  TlsClient::Terms terms;
  terms.version = TLS1_2_VERSION;
  Conversation& both = talk(terms);
  EXPECT_EQ(both.stream->facts().version, "1.2");
  const std::string text(40000, 'x');
  both.client.write(text);
  both.send_client();
  EXPECT_TRUE(both.hear() == text);
  EXPECT_TRUE(both.say(text));
  EXPECT_TRUE(both.receive() == text);
  ::SSL_shutdown(both.client.ssl());
  both.send_client();
  EXPECT_EQ(both.hear(), "");
  EXPECT_EQ(both.end, ReadEnd::kCleanEnd);
}

}  // namespace
}  // namespace sidelock
