// A service mesh in the same namespace: who gets the connections is said, and what gets them before us is refused.
// The rules have the chains, targets and order that each mesh's own init container makes.
#include <string>
#include <string_view>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "support/namespace.h"
#include "support/shell.h"

namespace sidelock {
namespace {

using test::output_of;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

constexpr const char* kIstio = R"(*nat
:ISTIO_INBOUND - [0:0]
:ISTIO_IN_REDIRECT - [0:0]
:ISTIO_OUTPUT - [0:0]
:ISTIO_REDIRECT - [0:0]
-A PREROUTING -p tcp -j ISTIO_INBOUND
-A OUTPUT -p tcp -j ISTIO_OUTPUT
-A ISTIO_INBOUND -p tcp --dport 15008 -j RETURN
-A ISTIO_INBOUND -p tcp --dport 15090 -j RETURN
-A ISTIO_INBOUND -p tcp -j ISTIO_IN_REDIRECT
-A ISTIO_IN_REDIRECT -p tcp -j REDIRECT --to-ports 15006
-A ISTIO_OUTPUT -o lo -m owner ! --uid-owner 1337 -j RETURN
-A ISTIO_OUTPUT -m owner --uid-owner 1337 -j RETURN
-A ISTIO_OUTPUT -j ISTIO_REDIRECT
-A ISTIO_REDIRECT -p tcp -j REDIRECT --to-ports 15001
COMMIT
)";

// Port 8443 is one of its excludeInboundPorts.
constexpr const char* kIstioByTproxy = R"(*nat
:ISTIO_OUTPUT - [0:0]
-A OUTPUT -p tcp -j ISTIO_OUTPUT
COMMIT
*mangle
:ISTIO_DIVERT - [0:0]
:ISTIO_INBOUND - [0:0]
:ISTIO_TPROXY - [0:0]
-A PREROUTING -p tcp -j ISTIO_INBOUND
-A ISTIO_DIVERT -j MARK --set-xmark 0x539/0xffffffff
-A ISTIO_DIVERT -j ACCEPT
-A ISTIO_INBOUND -p tcp --dport 8443 -j RETURN
-A ISTIO_INBOUND -p tcp -m conntrack --ctstate RELATED,ESTABLISHED -j ISTIO_DIVERT
-A ISTIO_INBOUND -p tcp -j ISTIO_TPROXY
-A ISTIO_TPROXY ! -d 127.0.0.1/32 -p tcp -j TPROXY --on-port 15006 --on-ip 0.0.0.0 --tproxy-mark 0x539/0xffffffff
COMMIT
)";

constexpr const char* kIstioByNft = R"(table inet istio-proxy-nat {
  chain istio-in-redirect { meta l4proto tcp redirect to :15006
  }
  chain istio-inbound {
    tcp dport 15008 return
    meta l4proto tcp jump istio-in-redirect
  }
  chain prerouting {
    type nat hook prerouting priority dstnat; policy accept;
    meta l4proto tcp jump istio-inbound
  }
}
)";

constexpr const char* kLinkerd = R"(*nat
:PROXY_INIT_OUTPUT - [0:0]
:PROXY_INIT_REDIRECT - [0:0]
-A PREROUTING -m comment --comment "proxy-init/install-proxy-init-prerouting" -j PROXY_INIT_REDIRECT
-A OUTPUT -m comment --comment "proxy-init/install-proxy-init-output" -j PROXY_INIT_OUTPUT
-A PROXY_INIT_REDIRECT -p tcp -m multiport --dports 4190,4191 -j RETURN
-A PROXY_INIT_REDIRECT -p tcp -j REDIRECT --to-ports 4143
COMMIT
)";

constexpr const char* kKuma = R"(*nat
:KUMA_MESH_INBOUND - [0:0]
:KUMA_MESH_INBOUND_REDIRECT - [0:0]
:KUMA_MESH_OUTBOUND - [0:0]
-A PREROUTING -p tcp -j KUMA_MESH_INBOUND
-A OUTPUT -p tcp -j KUMA_MESH_OUTBOUND
-A KUMA_MESH_INBOUND -p tcp -j KUMA_MESH_INBOUND_REDIRECT
-A KUMA_MESH_INBOUND_REDIRECT -p tcp -j REDIRECT --to-ports 15006
COMMIT
)";

void load(std::string_view program, const std::string& rules) {
  output_of(std::string{program} + " <<'END'\n" + rules + "END\n");
}

test::Finished init(const std::string& settings) {
  return test::run(test::sidelock_program() + " init --ports 80 " + settings);
}

constexpr std::string_view kLegacy = "iptables-legacy-restore";
constexpr std::string_view kNft = "iptables-nft-restore";

std::string beside(std::string_view program) {
  return program == kLegacy ? "--backend iptables" : "--backend nftables";
}

void cleanup() { output_of(test::sidelock_program() + " cleanup"); }

class Meshes : public test::NamespaceTest {};

TEST_F(Meshes, AreNamedAndComeBehindOurs) {
  struct Case {
    const char* rules;
    const char* name;
    const char* chain;
    const char* remedy;
  };
  for (const auto& [rules, name, chain, remedy] : {Case{kIstio, "Istio", "ISTIO_IN", "excludeInboundPorts"},
                                                   Case{kLinkerd, "Linkerd", "PROXY_INIT_", "skip-inbound-ports"},
                                                   Case{kKuma, "Kuma", "KUMA_MESH_INBOUND", "exclude-inbound-ports"}}) {
    for (const std::string_view program : {kLegacy, kNft}) {
      load(program, rules);
      const auto [status, output] = init(beside(program));
      EXPECT_EQ(status, 0) << output;
      EXPECT_THAT(output,
                  AllOf(HasSubstr(std::string{name} + " has rules in this namespace, too (chain " + chain),
                        HasSubstr("the rules of sidelock come first: " + std::string{name}), HasSubstr(remedy)));
      cleanup();
      output_of("iptables-legacy -t nat -F; iptables-legacy -t nat -X; nft flush ruleset");
      EXPECT_THAT(init("--backend iptables").output, Not(HasSubstr("has rules in this namespace, too")));
      cleanup();
    }
  }
}

// Of two nat chains with one priority the kernel takes the one that came last, whichever that will be tomorrow.
TEST_F(Meshes, OfNftablesComeBehindOursThere) {
  load("nft -f -", kIstioByNft);
  const auto [status, output] = init("--backend nftables");
  EXPECT_EQ(status, 0) << output;
  EXPECT_THAT(output, AllOf(HasSubstr("Istio has rules in this namespace, too (chain istio-"),
                            HasSubstr("the rules of sidelock come first")));
  cleanup();
  const auto [refused, why] = init("--backend iptables");
  EXPECT_EQ(refused, 5) << why;
  EXPECT_THAT(why,
              AllOf(HasSubstr("Istio has rules"), HasSubstr("and captures first: table inet istio-proxy-nat, chain ")));
}

// Table mangle comes before nat, wherever in it a rule stands.
TEST_F(Meshes, ThatDivertAreRefusedUnderRedirectAndComeBehindUnderTproxy) {
  for (const std::string_view program : {kLegacy, kNft}) {
    load(program, kIstioByTproxy);
    for (const char* backend : {"iptables", "nftables"}) {
      const std::string settings = std::string{"--backend "} + backend;
      const auto [status, output] = init(settings);
      EXPECT_EQ(status, 5) << program << ' ' << output;
      EXPECT_THAT(output, AllOf(HasSubstr("Istio has rules"), HasSubstr("and captures first: "), HasSubstr("TPROXY")));
      EXPECT_EQ(test::saved_rules().find("SIDELOCK"), std::string::npos);
      const auto [permitted, text] = init(settings + " --allow-foreign-before");
      EXPECT_EQ(permitted, 0);
      EXPECT_THAT(text, HasSubstr("and captures first: "));
      cleanup();
      // Both with one priority: there nobody knows who is asked first.
      if (program == kNft && backend == std::string{"iptables"}) continue;
      // A port that leaves the chain before it is diverted is none of its business.
      const auto excluded = test::run(test::sidelock_program() + " init --ports 8443 " + settings);
      EXPECT_EQ(excluded.status, 0) << excluded.output;
      EXPECT_THAT(excluded.output, HasSubstr("the rules of sidelock come first"));
      cleanup();
    }
    EXPECT_EQ(init("--capture tproxy " + beside(program)).status, 0);
    cleanup();
    output_of("iptables-legacy -t mangle -F; iptables-legacy -t mangle -X; nft flush ruleset");
  }
}

}  // namespace
}  // namespace sidelock
