// Which application protocol is promised to a client.
#include "tls/alpn.h"

#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace sidelock {
namespace {

std::string offer(const std::vector<std::string>& names) {
  std::string text;
  for (const std::string& name : names) text += static_cast<char>(name.size()) + name;
  return text;
}

struct Case {
  AlpnMode mode;
  std::vector<std::string> ours;
  std::vector<std::string> offered;
  AlpnAnswer answer;
  std::string protocol;
};

TEST(Alpn, ChoosesAsTheSettingSays) {
  const std::string longest(255, 'x');
  const std::vector<Case> cases{
      {AlpnMode::kAuto, {}, {"h2", "http/1.1"}, AlpnAnswer::kChosen, "http/1.1"},
      {AlpnMode::kAuto, {}, {"h2"}, AlpnAnswer::kChosen, "h2"},
      {AlpnMode::kAuto, {}, {"postgresql"}, AlpnAnswer::kChosen, "postgresql"},
      {AlpnMode::kAuto, {}, {longest, "b"}, AlpnAnswer::kChosen, longest},
      {AlpnMode::kList, {"h2", "http/1.1"}, {"http/1.1", "h2"}, AlpnAnswer::kChosen, "h2"},
      {AlpnMode::kList, {"h2"}, {"http/1.1"}, AlpnAnswer::kRefuse, ""},
      {AlpnMode::kIgnore, {}, {"h2"}, AlpnAnswer::kNone, ""},
  };
  for (const Case& c : cases) {
    const std::string text = offer(c.offered);
    const AlpnChoice choice = choose_alpn(c.mode, c.ours, text);
    EXPECT_EQ(choice.answer, c.answer) << text;
    EXPECT_EQ(choice.protocol, c.protocol) << text;
  }
}

TEST(Alpn, RefusesAMalformedOffer) {
  for (const std::string& text :
       {std::string{}, std::string{"\x05h2"}, std::string{"\x00", 1}, std::string{"\x02h2\x09"}}) {
    EXPECT_EQ(choose_alpn(AlpnMode::kAuto, {}, text).answer, AlpnAnswer::kRefuse);
  }
}

}  // namespace
}  // namespace sidelock
