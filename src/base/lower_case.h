// How DNS names are compared (RFC 4343).
#pragma once

#include <string>
#include <string_view>

namespace sidelock {

// ASCII letters in lower case, all else as it is.
inline std::string lower_case(std::string_view text) {
  std::string lower{text};
  for (char& letter : lower) {
    if (letter >= 'A' && letter <= 'Z') letter = static_cast<char>(letter - 'A' + 'a');
  }
  return lower;
}

}  // namespace sidelock
