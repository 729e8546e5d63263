// JSON that is written front to back, by what a library makes of it.
#include "base/json_writer.h"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "support/no_memory.h"

namespace sidelock {
namespace {

std::string written(JsonWriter::Text text, std::string_view value) {
  JsonWriter json{text};
  json.add("value", value);
  return json.take();
}

TEST(JsonWriter, WritesObjectsAndArraysInTheOrderOfTheirMembers) {
  JsonWriter json;
  json.add("text", "x");
  json.add("number", std::uint64_t{18446744073709551615U});
  json.add("seconds", 0.001);
  json.add("is", true);
  json.begin_array("list");
  json.add("one");
  json.begin_object();
  json.add("in", false);
  json.end_object();
  json.begin_object();
  json.end_object();
  json.end_array();
  json.begin_object("object");
  json.end_object();
  json.begin_array("empty");
  json.end_array();
  EXPECT_EQ(json.take(),
            R"({"text":"x","number":18446744073709551615,"seconds":0.001,"is":true,"list":["one",{"in":false},{}],)"
            R"("object":{},"empty":[]})");
}

TEST(JsonWriter, WritesAnyTextSoThatItIsReadAsItWas) {
  std::string all;
  for (char character = 0; character < 0x7f; ++character) all += character;
  all += "\x7f\xc3\xbc \xe2\x82\xac \xf0\x9f\x98\x80";
  for (const auto text : {JsonWriter::Text::kUtf8, JsonWriter::Text::kAscii}) {
    EXPECT_EQ(nlohmann::json::parse(written(text, all))["value"], all);
  }
}

TEST(JsonWriter, WritesNothingButAsciiWhereThatIsWanted) {
  EXPECT_EQ(written(JsonWriter::Text::kAscii, "\xc3\xbc\xf0\x9f\x98\x80\x7f"),
            R"({"value":"\u00fc\ud83d\ude00\u007f"})");
  EXPECT_EQ(written(JsonWriter::Text::kUtf8, "\xc3\xbc"), "{\"value\":\"\xc3\xbc\"}");
}

TEST(JsonWriter, ReplacesWhatIsNoText) {
  EXPECT_EQ(written(JsonWriter::Text::kAscii, "a\xff"), R"({"value":"a\ufffd"})");
  EXPECT_EQ(written(JsonWriter::Text::kUtf8, "a\xc3"), "{\"value\":\"a\xef\xbf\xbd\"}");
}

TEST(JsonWriter, WithoutMemoryItThrowsAndNoMore) {
  if (!test::NoMemory::is_possible()) GTEST_SKIP() << "the thread sanitizer has an operator new of its own";
  const std::string text(1000, 'x');
  std::size_t given = 0;
  for (bool is_written = false; !is_written; ++given) {
    const test::NoMemory shortage{given};
    try {
      JsonWriter json;
      json.begin_array("list");
      json.add(text);
      is_written = !json.take().empty();
    } catch (const std::bad_alloc&) {
      is_written = false;
    }
  }
  EXPECT_GT(given, 1U);
}

}  // namespace
}  // namespace sidelock
