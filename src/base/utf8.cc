// See utf8.h.
#include "base/utf8.h"

namespace sidelock {

std::pair<std::size_t, char32_t> first_character(std::string_view text) noexcept {
  const auto lead = static_cast<unsigned char>(text.front());
  if (lead < 0x80) return {1, lead};
  const std::size_t length = lead >= 0xf0 && lead < 0xf5   ? 4
                             : lead >= 0xe0 && lead < 0xf0 ? 3
                             : lead >= 0xc2 && lead < 0xe0 ? 2
                                                           : 0;
  if (length == 0 || text.size() < length) return {0, 0};
  char32_t point = lead & (0x7fU >> length);
  for (std::size_t i = 1; i < length; ++i) {
    const auto byte = static_cast<unsigned char>(text[i]);
    if ((byte & 0xc0) != 0x80) return {0, 0};
    point = (point << 6U) | (byte & 0x3fU);
  }
  const bool is_overlong = (length == 3 && point < 0x800) || (length == 4 && point < 0x10000);
  const bool is_surrogate = point >= 0xd800 && point < 0xe000;
  return is_overlong || is_surrogate || point > 0x10ffff ? std::pair<std::size_t, char32_t>{0, 0}
                                                         : std::pair{length, point};
}

}  // namespace sidelock
