// See uri_pattern.h.
#include "base/uri_pattern.h"

namespace sidelock {

namespace {

constexpr std::string_view kOne = "*";
constexpr std::string_view kRest = "**";

bool may_be_wild(std::string_view segment) {
  return !segment.empty() && segment != "." && segment != ".." &&
         segment.find_first_of("%?#") == std::string_view::npos;
}

// Takes the part up to the next slash off the front; `is_last` when there is none.
std::string_view next_segment(std::string_view& path, bool& is_last) {
  const std::size_t slash = path.find('/');
  const std::string_view segment = path.substr(0, slash);
  is_last = slash == std::string_view::npos;
  path = is_last ? std::string_view{} : path.substr(slash + 1);
  return segment;
}

// Where the path begins, after `scheme://authority/`; npos when there is none.
std::size_t path_of(std::string_view uri) {
  const std::size_t scheme = uri.find("://");
  const std::size_t slash = scheme == std::string_view::npos ? scheme : uri.find('/', scheme + 3);
  return slash == std::string_view::npos ? slash : slash + 1;
}

bool matches_path(std::string_view pattern, std::string_view path) {
  for (;;) {
    bool is_last_wanted = false;
    bool is_last = false;
    const std::string_view wanted = next_segment(pattern, is_last_wanted);
    const std::string_view segment = next_segment(path, is_last);
    const bool is_wild = wanted == kOne || wanted == kRest;
    if (is_wild ? !may_be_wild(segment) : wanted != segment) return false;
    if (wanted == kRest) {
      while (!is_last) {
        if (!may_be_wild(next_segment(path, is_last))) return false;
      }
      return true;
    }
    if (is_last_wanted != is_last) return false;
    if (is_last) return true;
  }
}

}  // namespace

bool matches_uri(std::string_view pattern, std::string_view uri) {
  if (pattern.find('*') == std::string_view::npos) return pattern == uri;
  const std::size_t path = path_of(pattern);
  if (path == std::string_view::npos || pattern.substr(0, path) != uri.substr(0, path)) return false;
  return matches_path(pattern.substr(path), uri.substr(path));
}

std::optional<std::string_view> fault_of_uri_pattern(std::string_view pattern) {
  const std::size_t colon = pattern.find(':');
  if (colon == 0 || colon == std::string_view::npos) return "has no scheme";
  if (pattern.find('*') == std::string_view::npos) return std::nullopt;
  const std::size_t path = path_of(pattern);
  if (pattern.find('*') < path) return "has a wildcard before its path";
  std::string_view rest = pattern.substr(path);
  for (bool is_last = false; !is_last;) {
    const std::string_view segment = next_segment(rest, is_last);
    if (segment == kRest && !is_last) return "has ** before the end";
    if (segment.find('*') != std::string_view::npos && segment != kOne && segment != kRest) {
      return "has a wildcard for a part of a path segment";
    }
  }
  return std::nullopt;
}

}  // namespace sidelock
