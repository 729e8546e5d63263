// See allow_list.h.
#include "policy/allow_list.h"

#include <algorithm>

#include "base/uri_pattern.h"

namespace sidelock {

namespace {

bool has(const std::vector<std::string>& names, const std::string& name) {
  return std::ranges::find(names, name) != names.end();
}

}  // namespace

std::optional<AllowingEntry> allowing_entry(const PeerIdentity& client, const AllowList& list) {
  std::optional<AllowingEntry> found;
  const auto look = [&found](std::string_view setting, const std::vector<std::string>& entries, const auto& fits) {
    if (found) return;
    const auto entry = std::ranges::find_if(entries, fits);
    if (entry != entries.end()) found = AllowingEntry{setting, *entry};
  };
  look("allow-dns", list.dns, [&](const std::string& name) { return has(client.dns, name); });
  look("allow-uri", list.uris, [&](const std::string& pattern) {
    return std::ranges::any_of(client.uris, [&](const std::string& uri) { return matches_uri(pattern, uri); });
  });
  look("allow-cn", list.common_names, [&](const std::string& name) { return has(client.common_names, name); });
  look("allow-ou", list.units, [&](const std::string& unit) { return has(client.units, unit); });
  look("allow-spki-pin", list.spki_pins, [&](const std::string& pin) { return pin == client.spki_pin; });
  return found;
}

bool is_allowed(const PeerIdentity& client, const AllowList& list) {
  return list.is_empty() || allowing_entry(client, list);
}

}  // namespace sidelock
