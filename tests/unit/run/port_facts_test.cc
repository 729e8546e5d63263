// What people read about a port.
#include "run/port_facts.h"

#include <gtest/gtest.h>

#include "unit/config/given.h"

namespace sidelock {
namespace {

std::vector<PortFacts> facts(const Words& words, const std::vector<std::string>& labels, std::uint64_t strays = 0) {
  std::vector<PortSnapshot> counted(1);
  counted.front().label = "other";
  counted.front().accepted = strays;
  for (const std::string& label : labels) counted.emplace_back().label = label;
  return port_facts(parsed(words).settings, counted);
}

TEST(PortFacts, SayWhereAPortLeadsAndHow) {
  const auto found = facts({"run", "--ports", "80,81,82", "--map", "81:8081", "--upstream", "loopback", "--port-policy",
                            "81:plaintext=allow,proxy-protocol=v2;82:upstream=original"},
                           {"80", "81", "82"});
  ASSERT_EQ(found.size(), 3U);
  EXPECT_EQ(found[0].leads_to, std::vector<std::string>{"loopback, port 80"});
  EXPECT_EQ(found[0].policy.front().text, "TLS required");
  EXPECT_EQ(found[1].leads_to, std::vector<std::string>{"loopback, port 8081"});
  EXPECT_EQ(found[1].policy.at(0).text, "plaintext allowed");
  EXPECT_TRUE(found[1].policy.at(0).is_warning);
  EXPECT_EQ(found[1].policy.at(1).text, "PROXY header v2");
  EXPECT_EQ(found[2].leads_to, std::vector<std::string>{"the address dialled, port 82"});
}

TEST(PortFacts, TellOfStraysOnlyWhenThereAreSome) {
  EXPECT_EQ(facts({"run", "--ports", "80"}, {"80"}).size(), 1U);
  const auto found = facts({"run", "--ports", "80"}, {"80"}, 4);
  ASSERT_EQ(found.size(), 2U);
  EXPECT_EQ(found[1].leads_to, std::vector<std::string>{"no configured port; refused"});
}

TEST(PortFacts, HaveALineForEveryOtherPort) {
  const auto found = facts({"run", "--ports", "*"}, {});
  ASSERT_EQ(found.size(), 1U);
  EXPECT_EQ(found[0].leads_to, std::vector<std::string>{"every other port: the address dialled, the same port"});
}

TEST(PortFacts, SumUpPortsThatAreTooMany) {
  const auto found = facts({"run", "--ports", "1000-1999"}, {});
  ASSERT_EQ(found.size(), 1U);
  EXPECT_EQ(found[0].leads_to, std::vector<std::string>{"1000 ports, too many to show each"});
}

}  // namespace
}  // namespace sidelock
