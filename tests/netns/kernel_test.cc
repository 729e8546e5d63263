// Kernels that lack something, as the shim makes this one look.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "support/namespace.h"
#include "support/shell.h"

namespace sidelock {
namespace {

using test::Finished;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

class Kernel : public test::NamespaceTest {
 protected:
  static Finished sidelock_without(const std::string& feature, const std::string& arguments) {
    return test::run_shimmed("SHIM_WITHOUT=" + feature, arguments);
  }
  static Finished init_without(const std::string& feature, const std::string& arguments = "") {
    return sidelock_without(feature, "init --ports 80 --self-signed test " + arguments);
  }
};

constexpr const char* kFamilies[]{"auto", "ipv4", "ipv6", "dual"};

TEST_F(Kernel, WithBothBackendsTakesIptablesWhereNeitherIsInUse) {
  for (const char* family : kFamilies) {
    const Finished init = init_without("nothing", std::string{"--ip-family "} + family);
    EXPECT_EQ(init.status, 0) << init.output;
    EXPECT_THAT(test::saved_rules(), HasSubstr("SIDELOCK_IN"));
    EXPECT_THAT(test::saved_nftables_rules(), Not(HasSubstr("sidelock")));
  }
}

TEST_F(Kernel, WithoutXtablesIsServedByNftables) {
  for (const char* family : kFamilies) {
    const Finished init = init_without("x_tables", std::string{"--ip-family "} + family);
    EXPECT_EQ(init.status, 0) << init.output;
    EXPECT_THAT(init.output, HasSubstr("backend nftables: "));
    EXPECT_THAT(test::saved_nftables_rules(), HasSubstr("table inet sidelock"));
    EXPECT_THAT(test::saved_rules(), Not(HasSubstr("SIDELOCK")));
  }
}

TEST_F(Kernel, WithoutNfTablesIsServedByIptables) {
  for (const char* family : kFamilies) {
    const Finished init = init_without("nf_tables", std::string{"--ip-family "} + family);
    EXPECT_EQ(init.status, 0) << init.output;
    EXPECT_THAT(init.output, HasSubstr("backend iptables: "));
    EXPECT_THAT(test::saved_rules(), HasSubstr("SIDELOCK_IN"));
  }
}

TEST_F(Kernel, WithoutEitherIsClassFour) {
  for (const char* family : kFamilies) {
    const Finished init = init_without("x_tables,nf_tables", std::string{"--ip-family "} + family);
    EXPECT_EQ(init.status, 4) << init.output;
  }
}

TEST_F(Kernel, WithoutTheBackendThatIsAskedForIsClassFour) {
  EXPECT_EQ(init_without("x_tables", "--backend iptables").status, 4);
  EXPECT_EQ(init_without("nf_tables", "--backend nftables").status, 4);
}

TEST_F(Kernel, WithoutABackendDoctorSaysSo) {
  const Finished doctor = sidelock_without("x_tables,nf_tables", "doctor --ports 80 --self-signed test");
  EXPECT_EQ(doctor.status, 4) << doctor.output;
  EXPECT_THAT(doctor.output, HasSubstr("failed   backend"));
}

TEST_F(Kernel, WithoutIpv6DoctorSaysSoWhereItIsAskedFor) {
  const Finished doctor = sidelock_without("ipv6", "doctor --ports 80 --self-signed test --ip-family dual");
  EXPECT_EQ(doctor.status, 4) << doctor.output;
  EXPECT_THAT(doctor.output, HasSubstr("failed   families      this kernel has no IPv6"));
}

TEST_F(Kernel, WithoutIpv6IsServedWithIpv4Alone) {
  const Finished init = init_without("ipv6");
  EXPECT_EQ(init.status, 0) << init.output;
  EXPECT_THAT(init.output, HasSubstr("no IPv6 in this kernel: left out"));
  EXPECT_THAT(test::saved_ipv4_rules(), HasSubstr("SIDELOCK_IN"));
  EXPECT_THAT(test::saved_ipv6_rules(), IsEmpty());
  EXPECT_EQ(init_without("ipv6", "--backend nftables").status, 0);
  EXPECT_THAT(test::saved_nftables_rules(), HasSubstr("meta nfproto ipv4"));
}

TEST_F(Kernel, WithoutIpv6CannotServeSettingsThatAskForIt) {
  for (const char* family : {"dual", "ipv6"}) {
    const Finished init = init_without("ipv6", std::string{"--ip-family "} + family);
    EXPECT_EQ(init.status, 4) << init.output;
    EXPECT_THAT(init.output, HasSubstr("--ip-family asks for it"));
  }
  EXPECT_THAT(test::saved_rules(), Not(HasSubstr("SIDELOCK")));
}

TEST_F(Kernel, WithIpv6ButWithoutItsTablesIsServedByNftables) {
  const Finished init = init_without("ip6_tables");
  EXPECT_EQ(init.status, 0) << init.output;
  EXPECT_THAT(init.output, HasSubstr("backend nftables: iptables does not work here: IPv6 table filter"));
  EXPECT_THAT(test::saved_rules(), Not(HasSubstr("SIDELOCK")));
}

TEST_F(Kernel, WithIpv6ButWithoutItsTablesIsNotServedByHalf) {
  const Finished init = init_without("ip6_tables,nf_tables");
  EXPECT_EQ(init.status, 4) << init.output;
  EXPECT_THAT(init.output, HasSubstr("IPv6 table filter"));
  EXPECT_THAT(test::saved_rules(), Not(HasSubstr("SIDELOCK")));
}

TEST_F(Kernel, WithoutIpv6TablesServesIpv4WhenOnlyThatIsAskedFor) {
  EXPECT_EQ(init_without("ip6_tables", "--ip-family ipv4").status, 0);
}

}  // namespace
}  // namespace sidelock
