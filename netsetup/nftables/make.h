// Whether this build has the nftables backend, decided by which of two files meson compiles.
#pragma once

#include <chrono>
#include <memory>

#include "netsetup/backend.h"

namespace sidelock::nftables {

// Null in a build without it. For `patience` see NftablesBackend.
std::unique_ptr<Backend> make_backend(std::chrono::milliseconds patience);

bool is_built_in();

// Whether the namespace has tables of nftables, anybody's. Throws Failure: kMissingPermission, kNoBackend.
bool is_in_use();

}  // namespace sidelock::nftables
