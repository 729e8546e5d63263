// SHA-256 over several parts, for telling whether things are the same.
#pragma once

#include <array>
#include <string_view>

#include "tls/handles.h"

namespace sidelock {

using Digest = std::array<unsigned char, 32>;

class Sha256 {
 public:
  Sha256();  // throws std::bad_alloc
  // Each part with its length, so that no two lists of parts give the same bytes.
  void add(std::string_view part);
  void add(const X509* certificate);
  void add(const X509_CRL* list);
  Digest finish();

 private:
  DigestContextPtr context_;
};

}  // namespace sidelock
