// URIs with wildcards, as allow lists have them. Pure.
#pragma once

#include <optional>
#include <string_view>

namespace sidelock {

// In a URI pattern `*` stands for one path segment and `**`, at the end, for one or more. A wildcard takes no segment
// that a reader of the URI could take for another one: an empty one, ".", "..", or one with `%`, `?` or `#` in it.
bool matches_uri(std::string_view pattern, std::string_view uri);

// Why a text is no URI pattern, or nothing.
std::optional<std::string_view> fault_of_uri_pattern(std::string_view pattern);

}  // namespace sidelock
