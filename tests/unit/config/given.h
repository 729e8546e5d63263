// Parses a command line and an environment written as lists, and a config file written as text.
#pragma once

#include <cstdlib>
#include <fstream>
#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <unistd.h>

#include "base/error.h"
#include "config/options.h"

namespace sidelock {

using Words = std::vector<std::string>;

inline std::vector<const char*> pointers(const Words& words) {
  std::vector<const char*> all;
  for (const std::string& word : words) all.push_back(word.c_str());
  all.push_back(nullptr);
  return all;
}

inline Invocation parsed(const Words& words, const Words& environment = {}) {
  Words all{"sidelock"};
  all.insert(all.end(), words.begin(), words.end());
  return parse_invocation(static_cast<int>(all.size()), pointers(all).data(), pointers(environment).data());
}

// `run --ports 80` and these flags.
inline Settings settings(const Words& flags, const Words& environment = {}) {
  Words words{"run", "--ports", "80"};
  words.insert(words.end(), flags.begin(), flags.end());
  return parsed(words, environment).settings;
}

// The message of the usage error, or a text that no expectation matches.
inline std::string refusal(const Words& words, const Words& environment = {}) {
  try {
    static_cast<void>(parsed(words, environment));
  } catch (const Failure& failure) {
    EXPECT_EQ(failure.code(), ExitCode::kUsage) << failure.what();
    return failure.what();
  }
  return "it was accepted";
}

// A config file that goes away with this object.
class ConfigFile {
 public:
  explicit ConfigFile(const std::string& text) {
    std::string pattern = testing::TempDir() + "sidelock-test-XXXXXX";
    const int descriptor = ::mkstemp(pattern.data());
    if (descriptor >= 0) ::close(descriptor);
    path_ = pattern;
    std::ofstream{path_} << text;
  }
  ConfigFile(const ConfigFile&) = delete;
  ConfigFile& operator=(const ConfigFile&) = delete;
  ~ConfigFile() { ::unlink(path_.c_str()); }
  [[nodiscard]] const std::string& path() const { return path_; }

 private:
  std::string path_;
};

}  // namespace sidelock
