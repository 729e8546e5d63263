// The access-log line, for people and for machines, with text from outside made harmless.
#include "proxy/access_log.h"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "base/log.h"

namespace sidelock {
namespace {

AccessRecord record() {
  AccessRecord record;
  record.client = {{*IpAddress::parse("2001:db8::9"), 40000}};
  record.destination = {{*IpAddress::parse("2001:db8::2"), 443}};
  record.app = {{*IpAddress::parse("::1"), 8080}};
  record.tls.version = "1.3";
  record.tls.cipher = record.tls.openssl_cipher = "TLS_AES_128_GCM_SHA256";
  record.tls.group = "x25519";
  record.tls.protocol = "http/1.1";
  record.tls.server_name = "evil\n\x1b[31m\xff";
  record.tls.is_resumed = true;
  record.outcome = Outcome::kAppReset;
  record.received_bytes = 10;
  record.sent_bytes = 20;
  record.duration = std::chrono::milliseconds{1500};
  return record;
}

TEST(AccessLog, MarksAConnectionThatWasServedWithoutTls) {
  AccessRecord plaintext = record();
  plaintext.tls = {};
  plaintext.is_plaintext = true;
  EXPECT_EQ(nlohmann::json::parse(json_access_line(plaintext))["tls.established"], false);
  EXPECT_NE(plain_access_line(plaintext).find(" app_reset PLAINTEXT received=10"), std::string::npos);
  EXPECT_FALSE(nlohmann::json::parse(json_access_line(record())).contains("tls.established"));
  EXPECT_EQ(plain_access_line(record()).find("PLAINTEXT"), std::string::npos);
}

TEST(AccessLog, JsonHasTheDocumentedFields) {
  const auto line = nlohmann::json::parse(json_access_line(record()));
  EXPECT_EQ(line["message"], "connection");
  EXPECT_EQ(line["client.address"], "2001:db8::9");
  EXPECT_EQ(line["client.port"], 40000);
  EXPECT_EQ(line["server.port"], 443);
  EXPECT_EQ(line["upstream.address"], "[::1]:8080");
  EXPECT_EQ(line["tls.protocol.version"], "1.3");
  EXPECT_EQ(line["tls.resumed"], true);
  EXPECT_EQ(line["tls.client.server_name"], "evil\\x0a\\x1b[31m\\xff");
  EXPECT_EQ(line["outcome"], "app_reset");
  EXPECT_EQ(line["error.type"], "app_reset");
  EXPECT_EQ(line["duration"], 1.5);
}

TEST(AccessLog, APlainLineIsOneLineWithoutControlCharacters) {
  const std::string line = plain_access_line(record());
  for (const char byte : line) EXPECT_GE(static_cast<unsigned char>(byte), 0x20) << line;
  EXPECT_NE(line.find("[2001:db8::9]:40000 -> [2001:db8::2]:443 -> [::1]:8080 app_reset"), std::string::npos) << line;
}

TEST(AccessLog, RoutineEndingsAreNoErrors) {
  AccessRecord routine = record();
  routine.outcome = Outcome::kClientClosedBare;
  EXPECT_FALSE(nlohmann::json::parse(json_access_line(routine)).contains("error.type"));
}

TEST(Printable, EscapesWhatCouldDeceiveAReader) {
  EXPECT_EQ(log::printable("plain.example"), "plain.example");
  EXPECT_EQ(log::printable("b\xc3\xbc"
                           "cher"),
            "b\xc3\xbc"
            "cher");
  EXPECT_EQ(log::printable("a\\b"), "a\\\\b");
  EXPECT_EQ(log::printable("\xe2\x80\xae"
                           "gpj"),
            "\\u{202e}gpj");
  EXPECT_EQ(log::printable("\xc0\xaf"), "\\xc0\\xaf");
  EXPECT_EQ(log::printable("\xed\xa0\x80"), "\\xed\\xa0\\x80");
  EXPECT_EQ(log::printable("\xf4\x90\x80\x80"), "\\xf4\\x90\\x80\\x80");
  EXPECT_EQ(log::printable("cut\xe2\x82"), "cut\\xe2\\x82");
  EXPECT_EQ(log::printable(std::string(1000, 'x')), std::string(256, 'x') + "...");
  EXPECT_EQ(log::printable(std::string("\0", 1)), "\\x00");
}

}  // namespace
}  // namespace sidelock
