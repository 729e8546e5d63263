// See credential_choice.h.
#include "tls/credential_choice.h"

#include <algorithm>
#include <map>

#include "base/lower_case.h"

namespace sidelock {

namespace {

using Set = CredentialChoice::Set;

bool is_wildcard(std::string_view name) {
  return name.starts_with("*.") && name.size() > 2 && name.find('*', 1) == std::string_view::npos;
}

// Adds a credential unless one of its kind is there already.
void add(Set& set, std::size_t place, const std::vector<CredentialNames>& credentials) {
  const auto is_same_kind = [&](std::size_t other) {
    return credentials[other].key_kind == credentials[place].key_kind;
  };
  if (std::ranges::none_of(set, is_same_kind)) set.push_back(place);
}

std::size_t place_of(const Set& set, std::vector<Set>& sets) {
  const auto found = std::ranges::find(sets, set);
  if (found != sets.end()) return static_cast<std::size_t>(found - sets.begin());
  sets.push_back(set);
  return sets.size() - 1;
}

}  // namespace

CredentialChoice::CredentialChoice(const std::vector<CredentialNames>& credentials) : credentials_{credentials.size()} {
  std::map<std::string, Set> by_name;
  std::map<IpAddress, Set> by_address;
  for (std::size_t place = 0; place < credentials.size(); ++place) {
    for (const std::string& name : credentials[place].dns) add(by_name[name], place, credentials);
    for (const IpAddress& address : credentials[place].addresses) add(by_address[address], place, credentials);
  }
  const CredentialNames& first = credentials.front();
  if (!first.dns.empty()) {
    sets_.push_back(by_name[first.dns.front()]);
  } else if (!first.addresses.empty()) {
    sets_.push_back(by_address[first.addresses.front()]);
  } else {
    sets_.push_back({0});
  }
  for (const auto& [name, set] : by_name) {
    if (is_wildcard(name)) {
      wildcards_.emplace(name.substr(1), place_of(set, sets_));
    } else if (name.find('*') == std::string::npos) {
      exact_.emplace(name, place_of(set, sets_));
    }
  }
  for (const auto& [address, set] : by_address) addresses_.emplace(address, place_of(set, sets_));
}

std::optional<std::size_t> CredentialChoice::find(std::string_view server_name) const {
  const auto in = [](const auto& map, const auto& key) -> std::optional<std::size_t> {
    const auto found = map.find(key);
    return found == map.end() ? std::nullopt : std::optional{found->second};
  };
  if (server_name.ends_with('.')) server_name.remove_suffix(1);
  if (const auto address = IpAddress::parse(server_name)) return in(addresses_, *address);
  const std::string name = lower_case(server_name);
  if (const auto exact = in(exact_, name)) return exact;
  const std::size_t dot = name.find('.');
  return dot == 0 || dot == std::string::npos ? std::nullopt : in(wildcards_, name.substr(dot));
}

std::vector<std::size_t> CredentialChoice::unused() const {
  std::vector<std::size_t> unused;
  for (std::size_t place = 0; place < credentials_; ++place) {
    if (std::ranges::none_of(sets_, [&](const Set& set) { return std::ranges::find(set, place) != set.end(); })) {
      unused.push_back(place);
    }
  }
  return unused;
}

}  // namespace sidelock
