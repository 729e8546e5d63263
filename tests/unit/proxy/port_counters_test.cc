// What a connection is counted in: few labels, whatever the settings and the clients say.
#include "proxy/port_counters.h"

#include <gmock/gmock.h>

namespace sidelock {
namespace {

using testing::ElementsAre;

Settings capturing(unsigned first, unsigned count) {
  Settings settings;
  for (unsigned i = 0; i < count; ++i) settings.captured_ports.push_back({static_cast<std::uint16_t>(first + i), {}});
  return settings;
}

TEST(PortIndex, HasALabelForEachPortAndOneForTheRest) {
  const Settings settings = capturing(80, 2);
  const PortIndex index{settings};
  EXPECT_THAT(index.labels(), ElementsAre("other", "80", "81"));
  EXPECT_EQ(index.of_captured(80), 1U);
  EXPECT_EQ(index.of_captured(81), 2U);
  for (const unsigned port : {0U, 79U, 82U}) {
    EXPECT_EQ(index.of_captured(static_cast<std::uint16_t>(port)), PortIndex::kOther);
  }
}

TEST(PortIndex, SharesOneLabelWhenThereAreTooManyPorts) {
  const Settings many = capturing(1000, PortIndex::kMostLabels);
  EXPECT_EQ(PortIndex{many}.size(), PortIndex::kMostLabels + 1);
  const Settings too_many = capturing(1000, PortIndex::kMostLabels + 1);
  const PortIndex index{too_many};
  EXPECT_THAT(index.labels(), ElementsAre("other"));
  EXPECT_EQ(index.of_captured(1000), PortIndex::kOther);
}

TEST(PortIndex, GivesPairsOfOnePortOneLabel) {
  Settings settings;
  settings.listeners.push_back({IpAddress::loopback(AF_INET), 443, {}});
  settings.listeners.push_back({std::nullopt, 8443, {}});
  settings.listeners.push_back({IpAddress::loopback(AF_INET6), 443, {}});
  const PortIndex index{settings};
  EXPECT_THAT(index.labels(), ElementsAre("other", "443", "8443"));
  EXPECT_EQ(index.of_listener(settings.listeners[0]), 1U);
  EXPECT_EQ(index.of_listener(settings.listeners[1]), 2U);
  EXPECT_EQ(index.of_listener(settings.listeners[2]), 1U);
}

TEST(PortCounters, UnknownNamesAreCountedAsOther) {
  PortCounters counters;
  TlsFacts agreed;
  agreed.version = "1.4";
  agreed.cipher = "TLS_NEW";
  agreed.group = "x99999";
  counters.note_handshake(agreed, std::chrono::milliseconds{1});
  EXPECT_EQ(counters.handshakes[kVersionNames.size()][kGroupNames.size()][0].value(), 1U);
  EXPECT_EQ(counters.ciphers[kCipherNames.size()].value(), 1U);
  counters.note_connect_error(EIO);
  EXPECT_EQ(counters.connect_errors[kConnectErrors.size()].value(), 1U);
}

TEST(PortCounters, NamesMayDifferInTheSizeOfTheirLetters) {
  PortCounters counters;
  TlsFacts agreed;
  agreed.version = "1.3";
  agreed.group = "X25519";
  agreed.is_resumed = true;
  counters.note_handshake(agreed, std::chrono::milliseconds{1});
  EXPECT_EQ(counters.handshakes[1][1][1].value(), 1U);
}

TEST(DurationCounter, CountsIntoTheBucketWhoseBoundIsNotExceeded) {
  DurationCounter counter;
  counter.add(std::chrono::microseconds{250});
  counter.add(std::chrono::microseconds{251});
  counter.add(std::chrono::seconds{60});
  counter.add(std::chrono::nanoseconds{-1});
  EXPECT_EQ(counter.bucket(0).value(), 2U);
  EXPECT_EQ(counter.bucket(1).value(), 1U);
  EXPECT_EQ(counter.bucket(DurationCounter::kBuckets - 1).value(), 1U);
  EXPECT_EQ(counter.nanoseconds(), 60'000'501'000U);
}

}  // namespace
}  // namespace sidelock
