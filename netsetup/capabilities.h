// The capabilities of this process (capabilities(7)): a non-root init gets them as permitted only, from the file, and
// raises them itself.
#pragma once

#include <initializer_list>
#include <string>

namespace sidelock {

struct Capability {
  int number;
  const char* name;
};
inline constexpr Capability kNetAdmin{12, "NET_ADMIN"};
inline constexpr Capability kNetRaw{13, "NET_RAW"};

// Makes the wanted ones effective as far as they are permitted. Whether they are is seen when they are used.
void raise_capabilities(std::initializer_list<Capability> wanted);

// The names of those that are not effective, with commas; empty when all are.
std::string missing_capabilities(std::initializer_list<Capability> wanted);

}  // namespace sidelock
