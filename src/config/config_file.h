// The config file: lines `name = value`, blank lines, and comments from a # that begins a line or follows a blank.
#pragma once

#include <string>
#include <vector>

namespace sidelock {

struct ConfigLine {
  unsigned number = 0;  // from 1
  std::string name;
  std::string value;
};

// Throws Failure: kUsage for a file that cannot be read or a line without a name and `=`, kMissingPermission when the
// file may not be opened.
std::vector<ConfigLine> read_config_file(const std::string& path);

}  // namespace sidelock
