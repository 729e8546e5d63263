// Clients that do anything at all: a few of those that record_layer_fuzz tries, so that every build tries some; and how
// OpenSSL treats the like.
#include <random>

#include <gtest/gtest.h>

#include "fuzz/client_script.h"
#include "fuzz/record_layer_check.h"
#include "unit/tls/conversation.h"

namespace sidelock {
namespace {

std::vector<std::uint8_t> random_choices(unsigned seed, std::size_t most) {
  std::mt19937 random{seed};
  std::vector<std::uint8_t> made(1 + random() % most);
  for (std::uint8_t& byte : made) byte = static_cast<std::uint8_t>(random());
  return made;
}

TEST(ArbitraryClients, AreTreatedAsTheModelSays) {
  for (unsigned seed = 0; seed < 3000; ++seed) {
    EXPECT_EQ(check_record_layer(random_choices(seed, seed % 2 == 0 ? 30 : 300)), "") << "seed " << seed;
  }
}

struct Treatment {
  std::string heard;
  ReadEnd end = ReadEnd::kWouldBlock;
  std::string failure;
  std::optional<int> alert;
  std::string answer;  // that the client could read
};

Treatment treat(TestSite& site, const std::vector<std::uint8_t>& bytes) {
  Conversation talk{site};
  Treatment made;
  if (!talk.shake_hands()) return made;
  Choices choices{bytes};
  const Script script = make_script(choices, talk.client.sealer());
  std::size_t place = 0;
  for (const std::size_t cut : script.cuts) {
    talk.send(std::string_view{script.wire}.substr(place, cut - place));
    made.heard += talk.hear();
    place = cut;
    if (talk.end != ReadEnd::kWouldBlock) break;
  }
  if (script.has_end && talk.end == ReadEnd::kWouldBlock) {
    talk.end_client();
    made.heard += talk.hear();
  }
  talk.say("answer");
  made.answer = talk.receive();
  made.end = talk.end;
  made.failure = talk.stream->failure();
  made.alert = talk.client.alert;
  return made;
}

// Where sidelock keeps to the RFC and OpenSSL 3.0 lets more through, or says so later or with another alert.
bool is_stricter(const std::string& failure) {
  for (const char* const known : {"a record inside a handshake message", "a handshake message other than KeyUpdate",
                                  "a KeyUpdate of a wrong length", "a record that is too long",
                                  "a record of another version", "a record that is not protected"}) {
    if (failure == known) return true;
  }
  return false;
}

TEST(ArbitraryClients, AreTreatedAsByOpenssl) {
  TestSite native{true};
  TestSite openssl{false};
  int same = 0;
  const unsigned count = 300;
  for (unsigned seed = 0; seed < count; ++seed) {
    const std::vector<std::uint8_t> bytes = random_choices(seed, 100);
    const Treatment ours = treat(native, bytes);
    const Treatment theirs = treat(openssl, bytes);
    if (is_stricter(ours.failure)) {
      EXPECT_TRUE(theirs.heard.starts_with(ours.heard)) << "seed " << seed;
      continue;
    }
    ++same;
    EXPECT_TRUE(ours.heard == theirs.heard) << "seed " << seed;
    // After a user_canceled OpenSSL takes a close_notify of a wrong level for an error of its own.
    const bool has_wrong_level = ours.end == ReadEnd::kCleanEnd && theirs.end == ReadEnd::kRecordError && !theirs.alert;
    if (!has_wrong_level) {
      EXPECT_EQ(ours.end, theirs.end) << "seed " << seed << ": " << ours.failure << ", " << theirs.failure;
    }
    EXPECT_EQ(ours.alert, theirs.alert) << "seed " << seed << ": " << ours.failure << ", " << theirs.failure;
    // OpenSSL can say nothing while it has a part of a KeyUpdate.
    if (!theirs.answer.empty()) {
      EXPECT_EQ(ours.answer, theirs.answer) << "seed " << seed;
    }
  }
  EXPECT_GT(same, static_cast<int>(count) / 2);
}

}  // namespace
}  // namespace sidelock
