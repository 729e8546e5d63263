// See parse_values.h.
#include "config/parse_values.h"

#include <algorithm>
#include <charconv>
#include <limits>

#include <fmt/format.h>
#include <net/if.h>

#include "base/error.h"
#include "base/log.h"
#include "config/port_ranges.h"

namespace sidelock {

namespace {

using std::chrono::milliseconds;

constexpr std::string_view kPortsAllowed = "ports 1 to 65535 and ranges, such as 80,8000-8010";

// The whole text as a decimal number; no sign, no blanks.
template <class Number>
std::optional<Number> number_from(std::string_view text) {
  Number number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (text.empty() || error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return number;
}

// clang 14 cannot compile std::ranges::unique with libstdc++ 12.
template <class T>
std::vector<T> sorted_and_unique(std::vector<T> all) {
  std::sort(all.begin(), all.end());
  all.erase(std::unique(all.begin(), all.end()), all.end());
  return all;
}

std::string duration_text(milliseconds duration) {
  const auto count = duration.count();
  if (count == 0) return "0";
  if (count % 3'600'000 == 0) return fmt::format("{}h", count / 3'600'000);
  if (count % 60'000 == 0) return fmt::format("{}m", count / 60'000);
  if (count % 1000 == 0) return fmt::format("{}s", count / 1000);
  return fmt::format("{}ms", count);
}

std::optional<milliseconds> duration_from(std::string_view text) {
  if (text == "0") return milliseconds{0};
  const std::size_t digits = std::min(text.find_first_not_of("0123456789"), text.size());
  const auto number = number_from<std::uint32_t>(text.substr(0, digits));
  if (!number) return std::nullopt;
  const std::string_view unit = text.substr(digits);
  // 2^32 hours are still far from the limits of 64 bits.
  if (unit == "ms") return milliseconds{*number};
  if (unit == "s") return std::chrono::seconds{*number};
  if (unit == "m") return std::chrono::minutes{*number};
  if (unit == "h") return std::chrono::hours{*number};
  return std::nullopt;
}

bool is_dns_label(std::string_view label) {
  const auto is_plain = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
  };
  return !label.empty() && label.size() <= 63 && label.front() != '-' && label.back() != '-' &&
         std::ranges::all_of(label, [&](char c) { return is_plain(c) || c == '-' || c == '_'; });
}

bool is_dns_name(std::string_view name) {
  if (name.size() > 253) return false;
  if (name.starts_with("*.")) name.remove_prefix(2);
  for (;;) {
    const std::size_t dot = name.find('.');
    if (!is_dns_label(name.substr(0, dot))) return false;
    if (dot == std::string_view::npos) return true;
    name.remove_prefix(dot + 1);
  }
}

bool is_interface_pattern(std::string_view name) {
  if (name.empty() || name.size() >= IFNAMSIZ || name == "." || name == "..") return false;
  const std::string_view stem = name.ends_with('+') ? name.substr(0, name.size() - 1) : name;
  return std::ranges::all_of(
      stem, [](char c) { return c > ' ' && c < 0x7f && c != '/' && c != ':' && c != '+' && c != '!'; });
}

}  // namespace

void refuse(const SettingValue& value, std::string_view item, std::string_view problem, std::string_view allowed) {
  throw Failure{ExitCode::kUsage,
                fmt::format("{}: \"{}\" {}; allowed: {}", value.where, log::printable(item), problem, allowed)};
}

std::string_view trimmed(std::string_view text) {
  constexpr std::string_view kBlanks = " \t\r\n";
  const std::size_t first = text.find_first_not_of(kBlanks);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(kBlanks) - first + 1);
}

std::vector<std::string> parse_list(const SettingValue& value, std::string_view allowed, char separator) {
  std::vector<std::string> items;
  std::string_view rest = trimmed(value.text);
  if (rest.empty()) return items;
  for (;;) {
    const std::size_t end = rest.find(separator);
    const std::string_view item = trimmed(rest.substr(0, end));
    if (item.empty()) refuse(value, value.text, "has an empty item", allowed);
    items.emplace_back(item);
    if (end == std::string_view::npos) return items;
    rest.remove_prefix(end + 1);
  }
}

milliseconds parse_duration(const SettingValue& value, const DurationBounds& bounds) {
  const std::string allowed = fmt::format("a number with its unit, such as 500ms, 10s, 5m or 1h, from {} to {}",
                                          duration_text(bounds.least), duration_text(bounds.most));
  const auto duration = duration_from(value.text);
  if (!duration) refuse(value, value.text, "is not a duration", allowed);
  if (*duration < bounds.least) refuse(value, value.text, "is too short", allowed);
  if (*duration > bounds.most) refuse(value, value.text, "is too long", allowed);
  return *duration;
}

std::uint32_t parse_number(const SettingValue& value, const NumberBounds& bounds) {
  const auto number = number_from<std::uint32_t>(value.text);
  if (!number || *number < bounds.least || *number > bounds.most) {
    refuse(value, value.text, "is not such a number", fmt::format("{} to {}", bounds.least, bounds.most));
  }
  return *number;
}

std::optional<std::uint32_t> parse_number_or_auto(const SettingValue& value, const NumberBounds& bounds) {
  if (value.text == "auto") return std::nullopt;
  const auto number = number_from<std::uint32_t>(value.text);
  if (!number || *number < bounds.least || *number > bounds.most) {
    refuse(value, value.text, "is not such a number", fmt::format("auto, or {} to {}", bounds.least, bounds.most));
  }
  return *number;
}

bool parse_switch(const SettingValue& value) { return parse_choice<bool>(value, {{"on", true}, {"off", false}}); }

std::optional<std::uint16_t> port_from(std::string_view text) {
  const auto port = number_from<std::uint16_t>(text);
  return port && *port > 0 ? port : std::nullopt;
}

std::optional<PortRange> port_range_from(std::string_view text) {
  const std::size_t dash = text.find('-');
  const auto first = port_from(trimmed(text.substr(0, dash)));
  const auto last = dash == std::string_view::npos ? first : port_from(trimmed(text.substr(dash + 1)));
  if (!first || !last || *first > *last) return std::nullopt;
  return PortRange{*first, *last};
}

std::vector<PortRange> parse_ports(const SettingValue& value) {
  std::vector<PortRange> ranges;
  for (const std::string& item : parse_list(value, kPortsAllowed)) {
    if (item == "*") refuse(value, item, "(every port) can only stand alone in --ports", kPortsAllowed);
    const auto range = port_range_from(item);
    if (!range) refuse(value, item, "is neither a port nor a range of ports", kPortsAllowed);
    ranges.push_back(*range);
  }
  return normalised(std::move(ranges));
}

std::vector<Cidr> parse_cidrs(const SettingValue& value) {
  constexpr std::string_view kAllowed = "addresses and blocks, such as 10.0.0.0/8,fd00::/8,192.0.2.1";
  std::vector<Cidr> blocks;
  for (const std::string& item : parse_list(value, kAllowed)) {
    const auto block = Cidr::parse(item);
    if (!block) refuse(value, item, "is not an address block", kAllowed);
    blocks.push_back(*block);
  }
  return sorted_and_unique(std::move(blocks));
}

std::vector<std::string> parse_interfaces(const SettingValue& value) {
  constexpr std::string_view kAllowed = "names of at most 15 characters, a trailing + as a wildcard, such as eth0,net+";
  std::vector<std::string> names = parse_list(value, kAllowed);
  for (const std::string& name : names) {
    if (!is_interface_pattern(name)) refuse(value, name, "is not an interface name", kAllowed);
    if (name == "lo") refuse(value, name, "is never captured", "interfaces other than lo");
  }
  return sorted_and_unique(std::move(names));
}

std::string parse_certificate_name(const SettingValue& value) {
  if (!value.text.empty() && !IpAddress::parse(value.text) && !is_dns_name(value.text)) {
    refuse(value, value.text, "cannot be a name in a certificate", "a DNS name such as app.example, or an IP address");
  }
  return value.text;
}

std::vector<std::string> parse_protocols(const SettingValue& value) {
  constexpr std::string_view kAllowed = "auto, a list of protocols such as h2,http/1.1, or empty";
  std::vector<std::string> protocols = parse_list(value, kAllowed);
  for (auto protocol = protocols.begin(); protocol != protocols.end(); ++protocol) {
    if (*protocol == "auto") refuse(value, *protocol, "cannot stand in a list", kAllowed);
    if (protocol->size() > 255) refuse(value, *protocol, "is longer than 255 bytes", kAllowed);
    if (std::find(protocols.begin(), protocol, *protocol) != protocol)
      refuse(value, *protocol, "is there twice", kAllowed);
  }
  return protocols;
}

}  // namespace sidelock
