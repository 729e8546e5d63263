// Patterns of interface names, as --interfaces has them: a trailing '+' stands for any rest. Pure.
#pragma once

#include <string_view>

namespace sidelock {

// Whether an interface of this name is meant.
bool fits(std::string_view pattern, std::string_view name) noexcept;

// Whether every name that fits `other` fits `pattern`, too.
bool covers(std::string_view pattern, std::string_view other) noexcept;

}  // namespace sidelock
