// When a ClientHello is whole, and what is no TLS at all.
#include "tls/client_hello.h"

#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace sidelock {
namespace {

std::string record(char type, const std::string& body) {
  return std::string{type, 3, 1} + static_cast<char>(body.size() >> 8U) + static_cast<char>(body.size() & 0xffU) + body;
}

std::string hello_message(std::size_t size) {
  return std::string{1, static_cast<char>(size >> 16U), static_cast<char>(size >> 8U & 0xffU),
                     static_cast<char>(size & 0xffU)} +
         std::string(size, 'h');
}

HelloState inspect(const std::string& text) { return inspect_client_hello(std::as_bytes(std::span{text})); }

TEST(ClientHello, IsWholeOnlyWithItsLastByte) {
  const std::string whole = record(22, hello_message(517));
  for (std::size_t size = 0; size < whole.size(); ++size)
    EXPECT_EQ(inspect(whole.substr(0, size)), HelloState::kIncomplete) << size;
  EXPECT_EQ(inspect(whole), HelloState::kWhole);
  EXPECT_EQ(inspect(whole + "more"), HelloState::kWhole);
}

TEST(ClientHello, MayBeSpreadOverSeveralRecordsEvenInItsHeader) {
  const std::string message = hello_message(1800);
  for (const std::size_t cut : {1U, 3U, 4U, 5U, 1000U}) {
    const std::string first = record(22, message.substr(0, cut));
    const std::string second = record(22, message.substr(cut));
    EXPECT_EQ(inspect(first), HelloState::kIncomplete) << cut;
    EXPECT_EQ(inspect(first + second.substr(0, second.size() - 1)), HelloState::kIncomplete) << cut;
    EXPECT_EQ(inspect(first + second), HelloState::kWhole) << cut;
  }
}

TEST(ClientHello, WhatIsNoHandshakeRecordIsPlaintext) {
  for (const char* text : {"GET / HTTP/1.1\r\n", "SSH-2.0-x", "\x80\x2e\x01", "\x15\x03\x01", "\x17\x03\x03"}) {
    EXPECT_EQ(inspect(text), HelloState::kPlaintext) << text;
  }
}

TEST(ClientHello, IsNotWaitedForWhenItIsTooLongOrMalformed) {
  const std::string endless = record(22, std::string{1, 0x7f, 0, 0} + std::string(100, 'x'));
  EXPECT_EQ(inspect(endless), HelloState::kTooLong);
  EXPECT_EQ(inspect(record(22, std::string{1, 0, '\xff', '\xff'})), HelloState::kTooLong);
  EXPECT_EQ(inspect(record(22, hello_message(kLongestClientHello)).substr(0, 9)), HelloState::kTooLong);
  EXPECT_EQ(inspect(record(22, "")), HelloState::kWhole);
  EXPECT_EQ(inspect(record(22, std::string{2, 0, 0, 9})), HelloState::kWhole);
  EXPECT_EQ(inspect(record(22, std::string{1}) + "GET"), HelloState::kIncomplete);
  EXPECT_EQ(inspect(record(22, std::string{1}) + "GET / HTTP/1.1"), HelloState::kWhole);
}

}  // namespace
}  // namespace sidelock
