// Text of one setting -> value. Each function throws Failure{kUsage} with a line that names the setting as the user
// wrote it, the offending text and what is allowed.
#pragma once

#include <chrono>
#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "config/settings.h"

namespace sidelock {

struct SettingValue {
  std::string where;  // "--ports", "SIDELOCK_PORTS" or "sidelock.conf:3: ports"
  std::string text;
};

// Throws: `where: "item" problem; allowed: ...`.
[[noreturn]] void refuse(const SettingValue& value, std::string_view item, std::string_view problem,
                         std::string_view allowed);

// `text` without the blanks and line ends around it.
std::string_view trimmed(std::string_view text);

// The items between the separators, trimmed. Empty text has no items; an empty item is refused.
std::vector<std::string> parse_list(const SettingValue& value, std::string_view allowed, char separator = ',');

// `500ms`, `10s`, `5m`, `1h`, or `0`.
struct DurationBounds {
  std::chrono::milliseconds least{0};
  std::chrono::milliseconds most = std::chrono::hours{500};
};
std::chrono::milliseconds parse_duration(const SettingValue& value, const DurationBounds& bounds = {});

struct NumberBounds {
  std::uint32_t least = 0;
  std::uint32_t most = 0;
};
std::uint32_t parse_number(const SettingValue& value, const NumberBounds& bounds);
std::optional<std::uint32_t> parse_number_or_auto(const SettingValue& value, const NumberBounds& bounds);

bool parse_switch(const SettingValue& value);

// One port, 1 to 65535, or nothing.
std::optional<std::uint16_t> port_from(std::string_view text);

// `80` or `8000-8010`, or nothing.
std::optional<PortRange> port_range_from(std::string_view text);

// `80,8000-8010` -> normalised ranges.
std::vector<PortRange> parse_ports(const SettingValue& value);

// Sorted and unique.
std::vector<Cidr> parse_cidrs(const SettingValue& value);
std::vector<std::string> parse_interfaces(const SettingValue& value);

// A DNS name (a leading `*.` included) or an IP address, as a certificate can carry it; empty is nothing.
std::string parse_certificate_name(const SettingValue& value);

// Protocol names of 1 to 255 bytes, each once.
std::vector<std::string> parse_protocols(const SettingValue& value);

template <class Enum>
Enum parse_choice(const SettingValue& value, std::initializer_list<std::pair<std::string_view, Enum>> choices) {
  std::string allowed;
  for (const auto& [name, choice] : choices) {
    if (value.text == name) return choice;
    if (!allowed.empty()) allowed += ", ";
    allowed += name;
  }
  refuse(value, value.text, "is not one of its values", allowed);
}

}  // namespace sidelock
