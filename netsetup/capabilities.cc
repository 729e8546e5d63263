// See capabilities.h.
#include "netsetup/capabilities.h"

#include <array>
#include <cstdint>

#include <linux/capability.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/fd.h"

namespace sidelock {

static_assert(kNetAdmin.number == CAP_NET_ADMIN && kNetRaw.number == CAP_NET_RAW);

namespace {

struct Sets {
  __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
  std::array<__user_cap_data_struct, _LINUX_CAPABILITY_U32S_3> data{};
};

Sets read_sets() {
  Sets sets;
  check(::syscall(SYS_capget, &sets.header, sets.data.data()), "read the capabilities");
  return sets;
}

constexpr std::uint32_t bit(const Capability& capability) { return 1U << static_cast<unsigned>(capability.number); }

}  // namespace

void raise_capabilities(std::initializer_list<Capability> wanted) {
  Sets sets = read_sets();
  for (const Capability& capability : wanted) sets.data[0].effective |= sets.data[0].permitted & bit(capability);
  check(::syscall(SYS_capset, &sets.header, sets.data.data()), "raise the capabilities");
}

std::string missing_capabilities(std::initializer_list<Capability> wanted) {
  const Sets sets = read_sets();
  std::string names;
  for (const Capability& capability : wanted) {
    if ((sets.data[0].effective & bit(capability)) != 0) continue;
    if (!names.empty()) names += ", ";
    names += capability.name;
  }
  return names;
}

}  // namespace sidelock
