// See interface_pattern.h.
#include "base/interface_pattern.h"

namespace sidelock {

namespace {

bool is_open(std::string_view pattern) noexcept { return pattern.ends_with('+'); }

std::string_view stem_of(std::string_view pattern) noexcept {
  return is_open(pattern) ? pattern.substr(0, pattern.size() - 1) : pattern;
}

}  // namespace

bool fits(std::string_view pattern, std::string_view name) noexcept {
  return is_open(pattern) ? name.starts_with(stem_of(pattern)) : name == pattern;
}

bool covers(std::string_view pattern, std::string_view other) noexcept {
  return is_open(pattern) ? stem_of(other).starts_with(stem_of(pattern)) : other == pattern;
}

}  // namespace sidelock
