// See port_policies.h.
#include "config/port_policies.h"

#include <algorithm>
#include <optional>

#include <fmt/format.h>

#include "config/option_table.h"
#include "config/policy_keys.h"
#include "config/port_ranges.h"

namespace sidelock {

namespace {

constexpr std::string_view kAllowed =
    "PORT[-PORT]:KEY=VALUE,KEY=VALUE... with ; between policies, such as 8080:alpn=h2,alpn=http/1.1";

std::string known_keys() {
  std::string names;
  for (const PolicyKey& key : policy_keys()) names += (names.empty() ? "" : ", ") + std::string{key.name};
  return names;
}

// A list repeats its key, and becomes the comma-separated text of the global setting.
void add(const SettingValue& policy, const std::string& ports, const std::string& pair, PolicyTexts::Own& own) {
  const std::size_t equals = pair.find('=');
  if (equals == std::string::npos) {
    refuse(policy, pair, "is not KEY=VALUE", "a key for each value: a list is written alpn=h2,alpn=http/1.1");
  }
  const std::string_view name = trimmed(std::string_view{pair}.substr(0, equals));
  const std::string_view text = trimmed(std::string_view{pair}.substr(equals + 1));
  if (find_policy_key(name) == nullptr) refuse(policy, name, "is not a setting that a port can have", known_keys());
  const auto [entry, is_new] = own.try_emplace(
      std::string{name}, SettingValue{fmt::format("{} {}: {}", policy.where, ports, name), std::string{text}});
  if (is_new) return;
  if (find_option(name)->kind != OptionKind::kRepeatable) {
    refuse(entry->second, text, fmt::format("is its second value, after \"{}\"", entry->second.text), "one value");
  }
  entry->second.text.append(",").append(text);
}

}  // namespace

const SettingValue* PolicyTexts::find_own(std::string_view key) const {
  if (own_ == nullptr) return nullptr;
  const auto found = own_->find(key);
  return found == own_->end() ? nullptr : &found->second;
}

const SettingValue& PolicyTexts::of(std::string_view key) const {
  const SettingValue* const own = find_own(key);
  return own == nullptr ? global_.of(key) : *own;
}

bool PolicyTexts::is_given(std::string_view key) const {
  const SettingValue* const own = find_own(key);
  return own == nullptr ? global_.is_given(key) : !own->text.empty();
}

PortPolicies::PortPolicies(const SettingValues& values) : values_{values} {
  for (const PolicyKey& key : policy_keys()) key.parse(values.of(key.name), defaults_);
  for (const std::string& item : parse_list(values.of("port-policy"), kAllowed, ';')) {
    Entry entry = parse_entry(item);
    for (const Entry& other : entries_) {
      if (entry.ports.first <= other.ports.last && other.ports.first <= entry.ports.last) {
        refuse(values.of("port-policy"), entry.text, fmt::format("meets the policy of \"{}\"", other.text),
               "one policy for each port");
      }
    }
    entries_.push_back(std::move(entry));
    PortPolicy malformed_is_found = defaults_;
    apply(entries_.back().ports.first, malformed_is_found);
  }
}

PortPolicies::Entry PortPolicies::parse_entry(const std::string& item) const {
  const SettingValue& value = values_.of("port-policy");
  const std::string_view text = item;
  const std::size_t colon = text.find(':');
  if (colon == std::string_view::npos) refuse(value, item, "has no colon behind the port", kAllowed);
  Entry entry;
  entry.text = trimmed(text.substr(0, colon));
  const auto ports = port_range_from(entry.text);
  if (!ports) refuse(value, entry.text, "is neither a port nor a range of ports", kAllowed);
  entry.ports = *ports;
  const std::vector<std::string> pairs = parse_list({value.where, std::string{text.substr(colon + 1)}}, kAllowed);
  if (pairs.empty()) refuse(value, item, "says nothing of its ports", kAllowed);
  for (const std::string& pair : pairs) add(value, entry.text, pair, entry.own);
  return entry;
}

const PortPolicies::Entry* PortPolicies::find(std::uint16_t port) const {
  const auto found = std::ranges::find_if(
      entries_, [port](const Entry& entry) { return entry.ports.first <= port && port <= entry.ports.last; });
  return found == entries_.end() ? nullptr : &*found;
}

std::vector<PortRange> PortPolicies::ports() const {
  std::vector<PortRange> all;
  for (const Entry& entry : entries_) all.push_back(entry.ports);
  return normalised(std::move(all));
}

void PortPolicies::apply(std::uint16_t port, PortPolicy& policy) const {
  const Entry* const entry = find(port);
  if (entry == nullptr) return;
  for (const PolicyKey& key : policy_keys()) {
    const auto own = entry->own.find(key.name);
    if (own != entry->own.end()) key.parse(own->second, policy);
  }
}

PolicyTexts PortPolicies::texts(std::uint16_t port) const {
  const Entry* const entry = find(port);
  return {values_, entry == nullptr ? nullptr : &entry->own};
}

void PortPolicies::check_ports(const std::vector<PortRange>& ports, std::string_view setting) const {
  for (const Entry& entry : entries_) {
    const std::vector<PortRange> unknown = without({entry.ports}, ports);
    if (unknown.empty()) continue;
    refuse(values_.of("port-policy"), entry.text,
           fmt::format("has port {}, which is not served", unknown.front().first), fmt::format("ports of {}", setting));
  }
}

}  // namespace sidelock
