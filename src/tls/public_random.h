// Random bytes for what everybody may see: initialisation vectors, identifiers. Never for a key or a secret.
#pragma once

#include <span>

namespace sidelock {

// Any thread. False when there is no randomness.
bool fill_with_public_random(std::span<unsigned char> into) noexcept;

}  // namespace sidelock
