// Exit codes and formats of doctor's report.
#include "doctor/report.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace sidelock {
namespace {

using testing::HasSubstr;
using testing::Not;

TEST(ReportExitCode, IsThatOfTheFirstFailedClassInItsOrder) {
  Checks checks{ok("a", "fine"), warning("b", "hm", "mend it"), skipped("c", "why")};
  EXPECT_EQ(exit_code_of(checks), ExitCode::kOk);
  // From the last to the first: each new one wins over those before.
  for (const ExitCode code : {ExitCode::kFailure, ExitCode::kVerificationFailed, ExitCode::kNoBackend,
                              ExitCode::kMissingPermission, ExitCode::kCredentialUnusable, ExitCode::kUsage}) {
    checks.push_back(failed("d", code, "broken", "mend it"));
    EXPECT_EQ(exit_code_of(checks), code);
  }
}

TEST(ReportText, HasOneLineForEachCheckAndOneForWhatMendsIt) {
  const std::string text =
      report_as_text({ok("settings", "fine"), failed("rules", ExitCode::kVerificationFailed, "gone", "make them")});
  EXPECT_EQ(text,
            "ok       settings      fine\n"
            "failed   rules         gone\n"
            "                       => make them\n"
            "1 ok, 0 warning, 1 failed, 0 skipped\n");
}

TEST(ReportJson, SaysTheSameAndSurvivesWhatIsNoUtf8) {
  const std::string text = report_as_json({failed("app", ExitCode::kFailure, "a\xff \"b\"", "start it")});
  EXPECT_THAT(text, HasSubstr(R"("exit_code": 1)"));
  EXPECT_THAT(text, HasSubstr(R"("status": "failed")"));
  EXPECT_THAT(text, HasSubstr(R"(\"b\")"));
  EXPECT_THAT(text, Not(HasSubstr("\xff")));
}

}  // namespace
}  // namespace sidelock
