// The settings that every port has for itself: --port-policy names them by these keys, the global setting of the same
// name is the default of all ports. One row for each in policy_keys.cc.
#pragma once

#include <span>
#include <string_view>

#include "config/setting_values.h"

namespace sidelock {

struct PolicyKey {
  std::string_view name;  // of option_table() too, whose kind says whether the key may be repeated
  // Sets the key's part of the policy, and nothing else: it is called for the global text first, then for the port's
  // own. Throws Failure{kUsage}.
  void (*parse)(const SettingValue& value, PortPolicy& policy);
};

// In the order in which they are parsed. Static storage.
std::span<const PolicyKey> policy_keys();

// The key of that name, or nullptr.
const PolicyKey* find_policy_key(std::string_view name);

}  // namespace sidelock
