// What clients that keep to the rules do after a TLS 1.3 handshake.
#include <random>

#include "unit/tls/both_record_layers.h"

namespace sidelock {
namespace {

std::string random_text(std::mt19937& random, std::size_t size) {
  std::string made(size, '\0');
  for (char& character : made) character = static_cast<char>(random());
  return made;
}

class RecordLayers : public BothRecordLayers {};
FOR_BOTH_RECORD_LAYERS(RecordLayers);

// Or the tests below would compare OpenSSL with itself: ours has sealed the ticket already when there is nothing else
// to say, and has to send it first.
TEST_P(RecordLayers, AreTwoDifferentOnes) {
  Conversation& both = talk();
  both.stream->close_notify();
  both.receive();
  EXPECT_EQ(both.client.tickets, GetParam() ? 1 : 0);
  EXPECT_TRUE(both.client.has_end());
}

TEST_P(RecordLayers, CarryBytesBothWaysHoweverTheyAreCut) {
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

TEST_P(RecordLayers, ReadAStreamByteByByte) {
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

TEST_P(RecordLayers, TakePaddingOff) {
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

TEST_P(RecordLayers, FollowTheClientsKeyUpdates) {
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

TEST_P(RecordLayers, FollowManyKeyUpdatesInOnePiece) {
  Conversation& both = talk();
  Sealer sealer = both.client.sealer();
  std::string wire;
  for (int i = 0; i < 20; ++i) wire += sealer.update_key(static_cast<char>(i % 2));
  both.send(wire);
  EXPECT_EQ(both.hear(), "");
  expect_life(both, sealer);
  EXPECT_EQ(both.client.key_updates, 10);
}

TEST_P(RecordLayers, TakeAKeyUpdateInPieces) {
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

TEST_P(RecordLayers, CloseEachDirectionAlone) {
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

TEST_P(RecordLayers, HearAClientThatSpeaksAfterOurEnd) {
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

TEST_P(RecordLayers, DeliverNothingBehindACloseNotify) {
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

TEST_P(RecordLayers, TellABareEndFromATruncatedRecord) {
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

TEST_P(RecordLayers, TellAResetFromAnEnd) {
  Conversation& both = talk();
  both.reset_client();
  EXPECT_EQ(both.hear(), "");
  EXPECT_EQ(both.end, ReadEnd::kReset);
}

TEST_P(RecordLayers, EndWithAFatalAlertOfTheClient) {
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

TEST_P(RecordLayers, HearAtOnceWhatCameRightBehindTheFinished) {
  Conversation both{site};
  ASSERT_TRUE(both.shake_hands("early"));
  EXPECT_EQ(both.hear(), "early");
  both.client.write("later");
  both.send_client();
  EXPECT_EQ(both.hear(), "later");
}

TEST_P(RecordLayers, HearWhatCameInPartBehindTheFinished) {
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

TEST_P(RecordLayers, GiveTheTicketWithTheFirstBytesAndResumeWithIt) {
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

TEST_P(RecordLayers, GiveTheTicketBeforeAnAnswerToAKeyUpdate) {
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

TEST_P(RecordLayers, KeepTheFactsOfTheHandshake) {
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

class OwnRecordLayer : public testing::Test {
 protected:
  void SetUp() override { ASSERT_TRUE(is_ready) << both.stream->failure(); }

  // How many bytes for the app one read has brought.
  std::size_t read_once(std::size_t window) {
    std::vector<std::byte> plain(Buffers::kPlain);
    return both.stream->read(plain, window).bytes;
  }

  TestSite site{true};
  Conversation both{site, {}, SOCK_SEQPACKET};
  const bool is_ready = both.shake_hands();
  Sealer sealer = both.client.sealer();
};

TEST_F(OwnRecordLayer, RelaysTogetherWhatHasComeWhileRecordsWereOpened) {
  for (int i = 0; i < 5; ++i) both.send(sealer.seal(kData, std::string(kMostPlain, 'x')));
  both.send(sealer.seal(kData, "a little"));
  both.send(sealer.seal(kData, "and no more"));
  EXPECT_EQ(read_once(Buffers::kLargestWindow), 5 * kMostPlain + std::string_view{"a little"}.size());
}

TEST_F(OwnRecordLayer, TakesNoMoreThanItsWindowInOneTurnHoweverLittleIsInIt) {
  for (int i = 0; i < 8; ++i) both.send(sealer.seal(kData, "x", kMostPlain - 1));
  const std::size_t three_records_fit = std::size_t{64} * 1024;
  EXPECT_EQ(read_once(three_records_fit), 3);
}

TEST_F(OwnRecordLayer, DeliversWhatCameBeforeTheEndThatItMeetsOnTheWay) {
  for (const bool is_cut : {false, true}) {
    Conversation other{site, {}, SOCK_SEQPACKET};
    ASSERT_TRUE(other.shake_hands());
    Sealer its = other.client.sealer();
    other.send(its.seal(kData, std::string(kMostPlain, 'x')));
    if (is_cut) other.send(its.seal(kData, "next").substr(0, 10));
    other.end_client();
    EXPECT_EQ(other.hear(Buffers::kLargestWindow).size(), kMostPlain);
    EXPECT_EQ(other.end, is_cut ? ReadEnd::kTruncated : ReadEnd::kBareEnd);
  }
}

// RFC 6066, 4: a client with little memory asks for short records.
TEST_P(RecordLayers, SendNoLongerRecordsThanTheClientHasAskedFor) {
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

TEST_P(RecordLayers, LeaveTls12ToOpenssl) {
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
