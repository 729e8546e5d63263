// Connections from outside are captured by the interface that they come in by. Nobody listens but on the capture port,
// so a connection that is refused was not captured.
#include <cerrno>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>

#include "base/address.h"
#include "base/fd.h"
#include "netsetup/init.h"
#include "support/capture_settings.h"
#include "support/namespace.h"
#include "support/peer.h"
#include "support/shell.h"

namespace sidelock {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

class Interfaces : public test::NamespaceTest {
 protected:
  // Whether both families' connections to port 80 by eth0 are captured under these settings.
  static bool are_captured(const std::vector<std::string>& in, const std::vector<std::string>& not_in) {
    return are_captured(test::Peer{}, in, not_in);
  }

  static bool are_captured(const test::Peer& client, const std::vector<std::string>& in,
                           const std::vector<std::string>& not_in) {
    CaptureSettings settings = test::capture_port(80);
    settings.interfaces = in;
    settings.exclude_interfaces = not_in;
    install_capture(settings);
    const Fd listener = listen_on_both_families(settings.capture_port_base);
    const int ipv4 = client.connect({*IpAddress::parse(test::kOwnIpv4), 80});
    const int ipv6 = client.connect({*IpAddress::parse(test::kOwnIpv6), 80});
    EXPECT_EQ(ipv4, ipv6);
    EXPECT_TRUE(ipv4 == 0 || ipv4 == ECONNREFUSED) << ipv4;
    return ipv4 == 0;
  }

 private:
  static Fd listen_on_both_families(std::uint16_t port) {
    Fd socket{::socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0)};
    const SocketAddress address{{IpAddress::any(AF_INET6), port}};
    EXPECT_EQ(::bind(socket.get(), address.get(), address.size()), 0);
    EXPECT_EQ(::listen(socket.get(), 8), 0);
    return socket;
  }
};

TEST_F(Interfaces, AllAreCapturedUnlessSaidOtherwise) { EXPECT_TRUE(are_captured({}, {})); }
TEST_F(Interfaces, EveryOneIsWhatAPlusMeans) { EXPECT_TRUE(are_captured({"+"}, {})); }
TEST_F(Interfaces, AreCapturedByName) { EXPECT_TRUE(are_captured({"net1", "eth0"}, {})); }
TEST_F(Interfaces, AreCapturedByTheBeginningOfTheirName) { EXPECT_TRUE(are_captured({"eth+"}, {})); }
TEST_F(Interfaces, ThatAreNotNamedAreLeftAlone) { EXPECT_FALSE(are_captured({"net1"}, {})); }
TEST_F(Interfaces, AreNotNamedByTheirBeginningAlone) { EXPECT_FALSE(are_captured({"eth"}, {})); }
TEST_F(Interfaces, ThatAreExcludedAreLeftAlone) { EXPECT_FALSE(are_captured({}, {"eth0"})); }
TEST_F(Interfaces, ThatAreExcludedAmongNamedOnesAreLeftAlone) { EXPECT_FALSE(are_captured({"eth+"}, {"eth0"})); }
TEST_F(Interfaces, AreCapturedWhenOthersAreExcluded) { EXPECT_TRUE(are_captured({}, {"eth1"})); }

class InterfacesThatAreNotHere : public Interfaces {
 protected:
  static std::string output_of_init(const std::string& settings) {
    const auto [status, output] = test::run(test::sidelock_program() + " init --ports 80 " + settings);
    EXPECT_EQ(status, 0) << output;
    return output;
  }
};

TEST_F(InterfacesThatAreNotHere, AreToldByInitWhereNothingElseIsCaptured) {
  const test::Peer client;
  EXPECT_FALSE(are_captured(client, {"ens3"}, {}));
  for (const char* settings :
       {"--interfaces ens3", "--exclude-interfaces eth+", "--interfaces eth+ --exclude-interfaces eth0"}) {
    EXPECT_THAT(output_of_init(settings), HasSubstr("every client that comes by eth0 reaches the app in plain text"))
        << settings;
  }
}

TEST_F(InterfacesThatAreNotHere, AreToldByInitBesideOthers) {
  const test::Peer client;
  EXPECT_THAT(output_of_init("--interfaces eth0,net1"), HasSubstr("no interface here is named net1; captured: eth0"));
}

TEST_F(InterfacesThatAreNotHere, MayComeLater) {
  EXPECT_THAT(output_of_init("--interfaces eth0"), HasSubstr("no interface but lo is up, and none is named eth0"));
}

TEST_F(InterfacesThatAreNotHere, AreNoneWhereAllIsCaptured) {
  const test::Peer client;
  for (const char* settings : {"", "--interfaces eth0", "--interfaces +", "--exclude-interfaces net1"}) {
    EXPECT_THAT(output_of_init(settings), Not(HasSubstr("warning"))) << settings;
  }
}

TEST_F(Interfaces, AreNotTheLabelsOfAddresses) {
  const test::Peer client;
  test::output_of("ip addr add 10.99.0.1/24 dev eth0 label eth0:web");
  const auto finished = test::run(test::sidelock_program() + " init --ports 80 --exclude-interfaces eth0");
  EXPECT_THAT(finished.output, HasSubstr("plain text"));
}

}  // namespace
}  // namespace sidelock
