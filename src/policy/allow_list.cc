// See allow_list.h.
#include "policy/allow_list.h"

#include <algorithm>

#include "base/uri_pattern.h"

namespace sidelock {

namespace {

bool have_common(const std::vector<std::string>& some, const std::vector<std::string>& others) {
  return std::ranges::any_of(some,
                             [&](const std::string& name) { return std::ranges::find(others, name) != others.end(); });
}

}  // namespace

bool is_allowed(const PeerIdentity& client, const AllowList& list) {
  if (list.is_empty()) return true;
  const auto is_uri_allowed = [&](const std::string& uri) {
    return std::ranges::any_of(list.uris, [&](const std::string& pattern) { return matches_uri(pattern, uri); });
  };
  return have_common(list.dns, client.dns) || std::ranges::any_of(client.uris, is_uri_allowed) ||
         have_common(list.common_names, client.common_names) || have_common(list.units, client.units) ||
         std::ranges::find(list.spki_pins, client.spki_pin) != list.spki_pins.end();
}

}  // namespace sidelock
