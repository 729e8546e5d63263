// --help shows every setting, its default, and fits a terminal.
#include <sstream>

#include <gmock/gmock.h>

#include "config/option_table.h"
#include "config/options.h"

namespace sidelock {
namespace {

using testing::HasSubstr;

TEST(Help, FitsEightyColumnsAndHasNoTrailingBlanks) {
  std::istringstream text{help_text()};
  for (std::string line; std::getline(text, line);) {
    EXPECT_LE(line.size(), 80U) << line;
    EXPECT_FALSE(line.ends_with(' ')) << '"' << line << '"';
  }
}

TEST(Help, ShowsEverySettingWithItsDefault) {
  const std::string text = help_text();
  for (const OptionSpec& option : option_table()) {
    EXPECT_THAT(text, HasSubstr("\n  --" + std::string{option.name} + ' '));
    const std::string shown{option.default_value.empty() ? "none" : option.default_value};
    EXPECT_THAT(text, HasSubstr('[' + shown + "]\n"));
  }
}

TEST(Help, IsGrouped) {
  const std::string text = help_text();
  std::size_t before = 0;
  for (const char* title : {"\nCapture\n", "\nUpstream\n", "\nTLS\n", "\nLimits\n", "\nProcess\n"}) {
    const std::size_t at = text.find(title);
    ASSERT_NE(at, std::string::npos) << title;
    EXPECT_GT(at, before);
    before = at;
  }
}

TEST(OptionTable, HasOneSentenceForEachSetting) {
  for (const OptionSpec& option : option_table()) {
    EXPECT_TRUE(option.sentence.ends_with('.')) << option.name;
    EXPECT_EQ(find_option(option.name), &option) << "the name is there twice";
  }
}

}  // namespace
}  // namespace sidelock
