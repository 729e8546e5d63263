// Kernels that lack something, as the shim makes this one look.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "support/namespace.h"
#include "support/shell.h"

namespace sidelock {
namespace {

using test::Finished;
using test::run;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

class Kernel : public test::NamespaceTest {
 protected:
  static Finished sidelock_without(const std::string& feature, const std::string& arguments) {
    return run("ASAN_OPTIONS=verify_asan_link_order=0 SHIM_WITHOUT=" + feature + " LD_PRELOAD=" + test::kernel_shim() +
               ' ' + test::sidelock_program() + ' ' + arguments);
  }
  static Finished init_without(const std::string& feature, const std::string& arguments = "") {
    return sidelock_without(feature, "init --ports 80 --self-signed test " + arguments);
  }
};

TEST_F(Kernel, WithoutXtablesIsClassFourAndNamesTheOtherBackend) {
  const Finished init = init_without("x_tables");
  EXPECT_EQ(init.status, 4) << init.output;
  EXPECT_THAT(init.output, HasSubstr("nftables backend"));
}

TEST_F(Kernel, WithoutXtablesDoctorSaysSo) {
  const Finished doctor = sidelock_without("x_tables", "doctor --ports 80 --self-signed test");
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
}

TEST_F(Kernel, WithoutIpv6CannotServeSettingsThatAskForIt) {
  for (const char* family : {"dual", "ipv6"}) {
    const Finished init = init_without("ipv6", std::string{"--ip-family "} + family);
    EXPECT_EQ(init.status, 4) << init.output;
    EXPECT_THAT(init.output, HasSubstr("--ip-family asks for it"));
  }
  EXPECT_THAT(test::saved_rules(), Not(HasSubstr("SIDELOCK")));
}

TEST_F(Kernel, WithIpv6ButWithoutItsTablesIsNotServedByHalf) {
  const Finished init = init_without("ip6_tables");
  EXPECT_EQ(init.status, 4) << init.output;
  EXPECT_THAT(init.output, HasSubstr("IPv6 table mangle"));
  EXPECT_THAT(test::saved_rules(), Not(HasSubstr("SIDELOCK")));
}

TEST_F(Kernel, WithoutIpv6TablesServesIpv4WhenOnlyThatIsAskedFor) {
  EXPECT_EQ(init_without("ip6_tables", "--ip-family ipv4").status, 0);
}

}  // namespace
}  // namespace sidelock
