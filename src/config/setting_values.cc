// See setting_values.h.
#include "config/setting_values.h"

#include <stdexcept>
#include <utility>

#include "config/option_table.h"

namespace sidelock {

SettingValues::SettingValues() {
  for (const OptionSpec& option : option_table()) {
    SettingValue value{"--" + std::string{option.name}, std::string{option.default_value}};
    entries_.emplace(option.name, Entry{ValueSource::kDefault, std::move(value)});
  }
}

void SettingValues::set(std::string_view name, ValueSource source, SettingValue value) {
  entries_.insert_or_assign(std::string{name}, Entry{source, std::move(value)});
}

const SettingValue& SettingValues::of(std::string_view name) const { return entry(name).value; }

ValueSource SettingValues::source(std::string_view name) const { return entry(name).source; }

bool SettingValues::is_given(std::string_view name) const {
  return entry(name).source != ValueSource::kDefault && !entry(name).value.text.empty();
}

const SettingValues::Entry& SettingValues::entry(std::string_view name) const {
  const auto found = entries_.find(name);
  if (found == entries_.end()) throw std::logic_error("no setting is called " + std::string{name});
  return found->second;
}

}  // namespace sidelock
