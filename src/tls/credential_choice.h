// Which credentials answer for a server name. Pure.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/address.h"

namespace sidelock {

// What the choice knows of one credential.
struct CredentialNames {
  std::vector<std::string> dns;  // in lower case; "*.example.com" stands for any one label in place of the asterisk
  std::vector<IpAddress> addresses;
  std::string key_kind;  // "RSA", "EC": a client is shown the kind it can verify
};

// Immutable; any thread.
class CredentialChoice {
 public:
  // Credentials for the same names, by their places in the list given, the first of each kind of key.
  using Set = std::vector<std::size_t>;

  // At least one credential; the first is the default.
  explicit CredentialChoice(const std::vector<CredentialNames>& credentials);

  // The first set is the default one: the first credential and those that share its first name.
  [[nodiscard]] const std::vector<Set>& sets() const noexcept { return sets_; }

  // The set for what a client calls the server: an exact name before a wildcard; an address stands for nothing but
  // itself. Letter case does not count, nor does one dot at the end. The result is a place in sets().
  [[nodiscard]] std::optional<std::size_t> find(std::string_view server_name) const;

  // Places of credentials that are in no set, because others before them have all of their names.
  [[nodiscard]] std::vector<std::size_t> unused() const;

 private:
  std::vector<Set> sets_;
  std::unordered_map<std::string, std::size_t> exact_;
  std::unordered_map<std::string, std::size_t> wildcards_;  // by what follows the asterisk: ".example.com"
  std::unordered_map<IpAddress, std::size_t> addresses_;
  std::size_t credentials_ = 0;
};

}  // namespace sidelock
