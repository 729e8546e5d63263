// Clients after a TLS 1.3 handshake, once with sidelock's record layer and once with OpenSSL's: both are to answer
// alike.
#pragma once

#include <algorithm>
#include <initializer_list>
#include <memory>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "unit/tls/conversation.h"

namespace sidelock {

inline constexpr int kData = SSL3_RT_APPLICATION_DATA;
inline constexpr int kAlert = SSL3_RT_ALERT;
inline constexpr int kHandshake = SSL3_RT_HANDSHAKE;
inline constexpr std::size_t kMostPlain = 16384;
inline constexpr int kMostEmptyRecords = 32;
inline constexpr int kMostWarnings = 4;

inline const std::string kUserCanceled{'\x01', '\x5a'};

inline std::string handshake_message(int type, std::string_view body) {
  return std::string{static_cast<char>(type), '\0', static_cast<char>(body.size() >> 8U),
                     static_cast<char>(body.size())} +
         std::string{body};
}
inline const std::string kKeyUpdate = handshake_message(SSL3_MT_KEY_UPDATE, {"\0", 1});

// In a braced list the parts are made from left to right, each with the next sequence number.
inline std::string in_turn(std::initializer_list<std::string> parts) {
  std::string all;
  for (const std::string& part : parts) all += part;
  return all;
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

// A suite of tests that derive from it runs twice.
#define FOR_BOTH_RECORD_LAYERS(suite)                                 \
  INSTANTIATE_TEST_SUITE_P(With, suite, testing::Values(true, false), \
                           [](const auto& is_native) { return is_native.param ? "Native" : "Openssl"; })

}  // namespace sidelock
