// The routing of --preserve-source: made once, told from what others made, and nothing where it cannot be.
#include "netsetup/policy_routing.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/error.h"
#include "netsetup/init.h"
#include "support/capture_settings.h"
#include "support/namespace.h"
#include "support/shell.h"

namespace sidelock {
namespace {

using test::Finished;
using test::output_of;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class Routing : public test::NamespaceTest {
 protected:
  static CaptureSettings preserving(std::uint32_t table = 19132) {
    CaptureSettings settings = test::capture_port(80);
    settings.is_source_preserved = true;
    settings.route_table = table;
    return settings;
  }

  static std::string everything() {
    return output_of("ip rule; ip -6 rule; ip route show table all; ip -6 route show table all") + test::saved_rules();
  }

  // What init says when it refuses, having changed nothing.
  static std::string refusal(ExitCode code, const CaptureSettings& settings = preserving()) {
    const std::string before = everything();
    try {
      install_capture(settings);
      ADD_FAILURE() << "not refused";
    } catch (const Failure& failure) {
      EXPECT_EQ(failure.code(), code) << failure.what();
      EXPECT_EQ(everything(), before);
      return failure.what();
    }
    return {};
  }

  static Finished sidelock_without(const std::string& features, const std::string& arguments) {
    return test::run_shimmed("SHIM_WITHOUT=" + features, arguments);
  }
};

TEST_F(Routing, IsMadeOnceHoweverOften) {
  install_capture(preserving());
  const std::string once = everything();
  install_capture(preserving());
  EXPECT_EQ(everything(), once);
}

TEST_F(Routing, MadeByTheCommandsOfTheDryRunIsTheSame) {
  for (const LoopbackRouting& routing : wanted_routing(preserving())) output_of(to_text(routing));
  EXPECT_EQ(read_routing(), wanted_routing(preserving()));
  install_capture(preserving());
  EXPECT_EQ(read_routing(), wanted_routing(preserving()));
}

TEST_F(Routing, OfOthersElsewhereStays) {
  output_of("ip rule add pref 102 from 127.0.0.0/8 iif lo lookup 5; ip route add local default dev lo table 19132");
  const std::string before = everything();
  install_capture(preserving(4711));
  EXPECT_THAT(output_of("ip rule"), HasSubstr("from 127.0.0.0/8 iif lo lookup 4711"));
  remove_capture(preserving(4711));
  EXPECT_EQ(output_of("ip rule; ip -6 rule; ip route show table all; ip -6 route show table all"),
            before.substr(0, before.find("*filter")));
}

TEST_F(Routing, OfOthersInTheTableIsNotOverwritten) {
  output_of("ip link add eth0 type veth peer name eth1 && ip link set eth0 up");
  for (const char* route :
       {"ip route %s default dev eth0 table 19132", "ip route %s 10.0.0.0/8 dev eth0 table 19132",
        "ip -6 route %s default dev eth0 table 19132", "ip route %s local default dev lo table 19132"}) {
    const std::string text = route;
    const auto with = [&text](const char* verb) { return std::string{text}.replace(text.find("%s"), 2, verb); };
    output_of(with("add"));
    EXPECT_THAT(refusal(ExitCode::kUsage), HasSubstr("--route-table 19132: "));
    output_of(with("del"));
  }
  install_capture(preserving());
}

TEST_F(Routing, OfOthersIsNamed) {
  output_of(
      "ip link add eth0 type veth peer name eth1 && ip link set eth0 up && ip route add default dev eth0 table 19132");
  EXPECT_THAT(refusal(ExitCode::kUsage), HasSubstr("IPv4 has the route `unicast default dev eth0 table 19132 proto 3` "
                                                   "there, which is not ours; choose a table from 256 on"));
}

TEST_F(Routing, OfOthersAtThePreferenceOrLeadingToTheTableIsNamed) {
  for (const char* rule : {"101: from all lookup 5", "101: not from 127.0.0.0/8 iif lo lookup 19132",
                           "40: from 10.1.0.0/16 to 10.2.0.0/16 oif lo lookup 19132"}) {
    for (const char* ip : {"ip", "ip -6"}) {
      std::string text = rule;
      if (ip == std::string{"ip -6"}) text = "101: from fd00::/8 lookup 5";
      const std::string preference = text.substr(0, text.find(':'));
      const bool is_inverted = text.find("not ") != std::string::npos;
      output_of(std::string{ip} + " rule add " + (is_inverted ? "not " : "") + text.substr(text.find("from")) +
                " pref " + preference);
      const std::string said = refusal(ExitCode::kUsage);
      EXPECT_THAT(said, HasSubstr("--route-table 19132: "));
      EXPECT_THAT(said, HasSubstr('`' + text));
      output_of(std::string{ip} + " rule del pref " + preference);
    }
  }
  install_capture(preserving());
}

TEST_F(Routing, ThatIsNotQuiteOursIsSeenAndMended) {
  const std::string again = " && ip rule add pref 101 protocol 93 lookup 19132 ";
  for (const std::string& damage : {
           std::string{"ip rule del pref 101"},
           std::string{"ip -6 rule del pref 101"},
           std::string{"ip route flush table 19132"},
           std::string{"ip -6 route flush table 19132"},
           "ip rule del pref 101" + again + "not from 127.0.0.0/8 iif lo",
           "ip rule del pref 101" + again + "from 127.0.0.0/8 iif lo oif lo",
           "ip rule del pref 101" + again + "from 127.0.0.0/8 iif lo fwmark 7",
           "ip rule del pref 101" + again + "from 127.0.0.0/8 iif lo ipproto udp",
           "ip rule del pref 101" + again + "from 127.0.0.0/8 to 10.0.0.0/8 iif lo",
           std::string{"ip route replace unreachable default table 19132 proto 93"},
           std::string{"ip route replace local default dev lo table 19132 proto 93 src 127.0.0.1"},
       }) {
    install_capture(preserving());
    EXPECT_FALSE(routing_fault(wanted_routing(preserving())));
    output_of(damage);
    EXPECT_TRUE(routing_fault(wanted_routing(preserving()))) << damage;
    EXPECT_NE(read_routing(), wanted_routing(preserving())) << damage;
    install_capture(preserving());
    EXPECT_EQ(read_routing(), wanted_routing(preserving())) << damage;
    remove_capture(preserving());
    EXPECT_THAT(read_routing(), IsEmpty());
    EXPECT_THAT(output_of("ip rule; ip route show table all"), Not(HasSubstr("19132"))) << damage;
  }
}

TEST_F(Routing, FaultsNameTheCommandThatMendsThem) {
  for (const char* damage : {"ip rule del pref 101", "ip -6 rule del pref 101", "ip route flush table 19132",
                             "ip -6 route flush table 19132"}) {
    install_capture(preserving());
    output_of(damage);
    const std::optional<RoutingFault> fault = routing_fault(wanted_routing(preserving()));
    ASSERT_TRUE(fault) << damage;
    output_of(fault->commands);
    EXPECT_FALSE(routing_fault(wanted_routing(preserving()))) << damage;
  }
}

TEST_F(Routing, NeedsLoAndSaysSo) {
  output_of("ip link set lo down");
  EXPECT_THAT(refusal(ExitCode::kFailure), HasSubstr("the interface lo is down"));
  install_capture(test::capture_port(80));
}

TEST_F(Routing, OfAKernelWithoutItIsNone) {
  for (const char* features : {"policy_routing", "ipv6", "policy_routing,ipv6"}) {
    const Finished init = sidelock_without(features, "init --ports 80");
    EXPECT_EQ(init.status, 0) << features << '\n' << init.output;
    const Finished cleanup = sidelock_without(features, "cleanup");
    EXPECT_EQ(cleanup.status, 0) << features << '\n' << cleanup.output;
  }
}

TEST_F(Routing, ThatTheKernelLacksCannotBeAskedFor) {
  const std::string before = everything();
  const Finished init = sidelock_without("policy_routing", "init --ports 80 --preserve-source require");
  EXPECT_EQ(init.status, 4) << init.output;
  EXPECT_THAT(init.output, HasSubstr("--preserve-source: this kernel has no policy routing for IPv4"));
  EXPECT_THAT(test::saved_rules(), Not(HasSubstr("SIDELOCK")));
}

TEST_F(Routing, WithoutIpv6IsThatOfIpv4) {
  const Finished init = sidelock_without("ipv6", "init --ports 80 --preserve-source require --ip-family ipv4");
  EXPECT_EQ(init.status, 0) << init.output;
  EXPECT_EQ(read_routing(), (std::vector<LoopbackRouting>{{Family::kIpv4, 19132}}));
}

}  // namespace
}  // namespace sidelock
