// The characters of a text that may be no text.
#pragma once

#include <cstddef>
#include <string_view>
#include <utility>

namespace sidelock {

// The length of the valid UTF-8 sequence at the front of `text`, and its code point; length 0 when it is not valid. Not
// for an empty text.
std::pair<std::size_t, char32_t> first_character(std::string_view text) noexcept;

}  // namespace sidelock
