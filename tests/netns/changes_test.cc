// From any settings to any other, killed on the way: the next init makes everything right, and cleanup removes all.
#include <chrono>
#include <random>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "netsetup/choice.h"
#include "netsetup/init.h"
#include "netsetup/policy_routing.h"
#include "netsetup/verify.h"
#include "support/capture_settings.h"
#include "support/killing.h"
#include "support/namespace.h"

namespace sidelock {
namespace {

using ::testing::IsEmpty;

class Changes : public test::NamespaceTest {
 protected:
  static std::vector<CaptureSettings> all() {
    std::vector<CaptureSettings> all;
    for (const BackendChoice backend : {BackendChoice::kIptables, BackendChoice::kNftables}) {
      for (const CaptureMode mode : {CaptureMode::kRedirect, CaptureMode::kTproxy}) {
        CaptureSettings few = test::capture({{80, 80}, {443, 443}});
        few.backend = backend;
        few.mode = mode;
        CaptureSettings many = test::capture({{80, 80}, {3000, 3099}});
        many.backend = backend;
        many.mode = mode;
        many.is_source_preserved = true;
        many.hide_capture_ports = false;
        CaptureSettings any = test::capture({{1, 19098}, {19102, 32767}});
        any.backend = backend;
        any.mode = mode;
        any.is_any_port = true;
        any.is_source_preserved = true;
        any.route_table = 777;
        all.insert(all.end(), {few, many, any});
      }
    }
    return all;
  }

  static Plan live(BackendKind kind) { return make_backend(kind, std::chrono::seconds{1})->read(); }

  static void expect_exactly(const CaptureSettings& settings) {
    const bool is_iptables = settings.backend == BackendChoice::kIptables;
    const BackendKind kind = is_iptables ? BackendKind::kIptables : BackendKind::kNftables;
    const BackendKind other = is_iptables ? BackendKind::kNftables : BackendKind::kIptables;
    EXPECT_THAT(difference(make_plan(settings, kind), live(kind)), IsEmpty());
    EXPECT_THAT(difference(empty_plan(other), live(other)), IsEmpty());
    EXPECT_EQ(read_routing(), wanted_routing(settings));
  }

  static void expect_nothing() {
    for (const BackendKind kind : {BackendKind::kIptables, BackendKind::kNftables})
      EXPECT_THAT(difference(empty_plan(kind), live(kind)), IsEmpty());
    EXPECT_THAT(read_routing(), IsEmpty());
  }
};

TEST_F(Changes, FromAnySettingsToAnyOtherEndAtExactlyThose) {
  const std::vector<CaptureSettings> settings = all();
  for (const CaptureSettings& before : settings) {
    for (const CaptureSettings& after : settings) {
      install_capture(before);
      install_capture(after);
      expect_exactly(after);
    }
  }
  remove_capture(settings.front());
  expect_nothing();
}

TEST_F(Changes, KilledAtAnyMomentAreMendedByTheNextInitOrCleanup) {
  const std::vector<CaptureSettings> settings = all();
  std::mt19937 random{20261125};
  const auto any_of_them = [&] { return settings[random() % settings.size()]; };
  std::chrono::microseconds all_of_them{0};
  for (const CaptureSettings& each : settings) all_of_them += test::time_of_install(each);
  test::Killing killing{20261125, all_of_them / static_cast<int>(settings.size())};
  for (int i = 0; i < 220; ++i) {
    install_capture(any_of_them());
    killing.install(any_of_them());
    if (i % 2 == 0) {
      const CaptureSettings next = any_of_them();
      install_capture(next);
      expect_exactly(next);
    } else {
      remove_capture(settings.front());
      expect_nothing();
    }
    ASSERT_FALSE(HasFailure()) << "iteration " << i;
  }
  EXPECT_GT(killing.killed(), 30);
}

}  // namespace
}  // namespace sidelock
