// Numbers for people.
#pragma once

#include <cstdint>
#include <string>

namespace sidelock {

// 1234567 -> "1,234,567"
inline std::string grouped(std::uint64_t number) {
  std::string text = std::to_string(number);
  for (std::size_t place = text.size(); place > 3;) {
    place -= 3;
    text.insert(place, 1, ',');
  }
  return text;
}

}  // namespace sidelock
