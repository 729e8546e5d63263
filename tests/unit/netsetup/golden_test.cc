// Plans as text: a change of the firewall is reviewed as a change of tests/golden/*.rules and *.nft.
// SIDELOCK_UPDATE_GOLDEN=1 writes the files anew.
#include <cstdlib>
#include <fstream>
#include <sstream>

#include <gtest/gtest.h>

#include "netsetup/nftables/text.h"
#include "netsetup/plan.h"
#include "support/capture_settings.h"

namespace sidelock {
namespace {

struct Golden {
  const char* name;
  CaptureSettings settings;
};

std::vector<Golden> all_golden() {
  CaptureSettings exclusions = test::capture({{80, 80}, {8000, 8010}});
  exclusions.exclude_sources = {*Cidr::parse("10.0.0.0/8"), *Cidr::parse("169.254.1.1"), *Cidr::parse("fd66::/64")};
  exclusions.exclude_interfaces = {"docker0", "veth+"};
  CaptureSettings interfaces = test::capture({{443, 443}, {5432, 5432}});
  interfaces.interfaces = {"eth0", "net+"};
  interfaces.capture_port_base = 30000;
  CaptureSettings ipv6_only = test::capture_port(80);
  ipv6_only.ip_family = IpFamily::kIpv6;
  CaptureSettings keeps_invalid = test::capture_port(80);
  keeps_invalid.drop_invalid = false;
  CaptureSettings tproxy = test::capture({{80, 80}, {8000, 8010}});
  tproxy.mode = CaptureMode::kTproxy;
  tproxy.exclude_sources = {*Cidr::parse("10.0.0.0/8")};
  CaptureSettings any_port = test::capture({{1, 19099}, {19101, 32767}, {61000, 65535}});
  any_port.is_any_port = true;
  CaptureSettings shown = test::capture_port(80);
  shown.hide_capture_ports = false;
  return {{"tproxy", tproxy},
          {"any_port", any_port},
          {"shown", shown},
          {"one_port", test::capture_port(80)},
          {"exclusions", exclusions},
          {"interfaces", interfaces},
          {"many_ports", test::capture({{22, 22}, {1000, 1039}, {9000, 9003}})},
          {"ipv6_only", ipv6_only},
          {"keeps_invalid", keeps_invalid}};
}

void expect_reviewed(const std::string& file, const std::string& text) {
  const std::string path = std::string{SIDELOCK_GOLDEN_FILES} + '/' + file;
  if (std::getenv("SIDELOCK_UPDATE_GOLDEN") != nullptr) std::ofstream{path} << text;
  std::ostringstream reviewed;
  reviewed << std::ifstream{path}.rdbuf();
  EXPECT_EQ(text, reviewed.str());
}

TEST(Golden, PlansAreTheReviewedTexts) {
  for (const Golden& golden : all_golden()) {
    SCOPED_TRACE(golden.name);
    expect_reviewed(golden.name + std::string{".rules"}, to_text(make_plan(golden.settings)));
    expect_reviewed(golden.name + std::string{".nft"},
                    nftables::to_text(make_plan(golden.settings, BackendKind::kNftables)));
  }
}

}  // namespace
}  // namespace sidelock
