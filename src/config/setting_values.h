// The text of every setting with the place it came from, after flag > environment > file > default was decided.
#pragma once

#include <map>
#include <string>
#include <string_view>

#include "config/parse_values.h"

namespace sidelock {

enum class ValueSource { kDefault, kFile, kEnvironment, kFlag };

class SettingValues {
 public:
  // Every setting at its default.
  SettingValues();

  // A later call wins: call for the file first, for the flags last. `name` is one of option_table().
  void set(std::string_view name, ValueSource source, SettingValue value);

  [[nodiscard]] const SettingValue& of(std::string_view name) const;
  [[nodiscard]] ValueSource source(std::string_view name) const;

  // Somebody wrote it and it is not empty: an empty value is how a lower source's setting is taken back.
  [[nodiscard]] bool is_given(std::string_view name) const;

 private:
  struct Entry {
    ValueSource source = ValueSource::kDefault;
    SettingValue value;
  };
  [[nodiscard]] const Entry& entry(std::string_view name) const;

  std::map<std::string, Entry, std::less<>> entries_;
};

}  // namespace sidelock
