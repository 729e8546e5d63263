// A line of which anybody may cause any number.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace sidelock::log {

// Writes a line that is complete in itself like write_raw(), but only the `first` ones of its kind within ten seconds;
// the rest are counted, and one line tells the count. Any thread. `kind` is printable, and one of a bounded number.
void write_limited(const std::string& kind, std::uint64_t first, std::string_view line) noexcept;

}  // namespace sidelock::log
