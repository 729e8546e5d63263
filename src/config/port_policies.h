// The PortPolicy of each port: the global settings as the defaults, and over them what --port-policy says of the port.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "config/setting_values.h"

namespace sidelock {

// The texts behind one port's policy, for messages about keys that contradict each other.
class PolicyTexts {
 public:
  using Own = std::map<std::string, SettingValue, std::less<>>;

  // `own`: the port's in --port-policy, null when it has none. Both outlive this object.
  PolicyTexts(const SettingValues& global, const Own* own) : global_{global}, own_{own} {}

  // The port's own text of the key, else that of the global setting.
  [[nodiscard]] const SettingValue& of(std::string_view key) const;

  // Somebody wrote one of the two, and what counts is not empty.
  [[nodiscard]] bool is_given(std::string_view key) const;

 private:
  [[nodiscard]] const SettingValue* find_own(std::string_view key) const;

  const SettingValues& global_;
  const Own* own_;
};

class PortPolicies {
 public:
  // Parses the keys of the global settings and of --port-policy. `values` outlives this object. Throws Failure{kUsage}
  // for a malformed value, an unknown key, and a port that has two policies.
  explicit PortPolicies(const SettingValues& values);

  // What all ports begin with.
  [[nodiscard]] const PortPolicy& defaults() const noexcept { return defaults_; }

  // The ports that have something of their own; normalised.
  [[nodiscard]] std::vector<PortRange> ports() const;

  // Sets in `policy` what --port-policy says of the port.
  void apply(std::uint16_t port, PortPolicy& policy) const;

  [[nodiscard]] PolicyTexts texts(std::uint16_t port) const;

  // Throws Failure{kUsage} when --port-policy speaks of a port outside `ports`, which are those of `setting`.
  void check_ports(const std::vector<PortRange>& ports, std::string_view setting) const;

 private:
  struct Entry {
    std::string text;  // the ports, as they were written
    PortRange ports;
    PolicyTexts::Own own;
  };
  [[nodiscard]] Entry parse_entry(const std::string& item) const;
  [[nodiscard]] const Entry* find(std::uint16_t port) const;

  const SettingValues& values_;
  PortPolicy defaults_;
  std::vector<Entry> entries_;
};

}  // namespace sidelock
