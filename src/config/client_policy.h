// Which clients one port lets in: a part of settings.h, which is the header to include.
#pragma once

#include <string>
#include <vector>

namespace sidelock {

enum class ClientAuth {
  kNone,      // no certificate is asked for
  kOptional,  // asked for; a client without one is let in, one with a bad one is not
  kRequire,
};

// Who may connect among the clients with a verified certificate: any entry that matches lets in. policy/allow_list.h
// compares.
struct AllowList {
  std::vector<std::string> dns;   // in lower case
  std::vector<std::string> uris;  // patterns
  std::vector<std::string> common_names;
  std::vector<std::string> units;
  std::vector<std::string> spki_pins;

  [[nodiscard]] bool is_empty() const noexcept {
    return dns.empty() && uris.empty() && common_names.empty() && units.empty() && spki_pins.empty();
  }
};

}  // namespace sidelock
