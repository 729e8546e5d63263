// May this client connect? The decision on plain values, apart from certificates and from how they are verified. Pure.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "config/settings.h"

namespace sidelock {

// What a client's verified certificate says of it. Untrusted text, each name kept as what it is.
struct PeerIdentity {
  std::string subject;           // RFC 2253, for the log alone
  std::vector<std::string> dns;  // in lower case
  std::vector<std::string> uris;
  std::vector<std::string> common_names;
  std::vector<std::string> units;
  std::string spki_pin;  // base64 of the SHA-256 of its public key (SubjectPublicKeyInfo, DER)
};

struct AllowingEntry {
  std::string_view setting;  // "allow-dns"
  std::string_view value;    // of the list, which it lives as long as
};

// The first entry that lets the client in. Names are compared by the whole length: DNS names without letter case, all
// others byte for byte.
std::optional<AllowingEntry> allowing_entry(const PeerIdentity& client, const AllowList& list);

// True when any entry of the list does, or when the list is empty: a verified certificate is enough then.
bool is_allowed(const PeerIdentity& client, const AllowList& list);

}  // namespace sidelock
