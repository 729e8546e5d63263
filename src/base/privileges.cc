// See privileges.h. By capget and capset themselves: libcap would be one more library in the image for two calls.
#include "base/privileges.h"

#include <array>
#include <cstdint>

#include <fcntl.h>
#include <linux/capability.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/sanitizer.h"

namespace sidelock {

namespace {

using CapabilitySets = std::array<__user_cap_data_struct, _LINUX_CAPABILITY_U32S_3>;

CapabilitySets own_capabilities() noexcept {
  __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
  CapabilitySets sets{};
  ::syscall(SYS_capget, &header, sets.data());
  return sets;
}

long set_capabilities(const CapabilitySets& sets) noexcept {
  __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
  return ::syscall(SYS_capset, &header, sets.data());
}

std::uint32_t bit(int capability) noexcept { return std::uint32_t{1} << (static_cast<unsigned>(capability) % 32U); }

}  // namespace

bool raise_capability(int capability) noexcept {
  CapabilitySets sets = own_capabilities();
  __user_cap_data_struct& part = sets.at(static_cast<std::size_t>(capability) / 32U);
  if ((part.effective & bit(capability)) != 0) return true;
  part.effective |= part.permitted & bit(capability);
  return (part.effective & bit(capability)) != 0 && set_capabilities(sets) == 0;
}

void drop_privileges(std::optional<int> kept) {
  CapabilitySets sets{};
  if (kept) {
    const std::size_t part = static_cast<std::size_t>(*kept) / 32U;
    const std::uint32_t permitted = own_capabilities().at(part).permitted & bit(*kept);
    sets.at(part) = {permitted, permitted, 0};
  }
  check(::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), "set no_new_privs");
  check(::prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0), "clear the ambient capabilities");
  check(static_cast<int>(set_capabilities(sets)), "drop capabilities");
}

void forbid_dumps() {
  // Who may trace every process gets at the memory all the same; the dumps that its debugger or the kernel makes are to
  // have none of it (core(5)). Before the next line, which takes the file from a user without privileges; with file
  // capabilities it was never theirs.
  const Fd filter{::open("/proc/self/coredump_filter", O_WRONLY | O_CLOEXEC)};
  if (filter) static_cast<void>(!::write(filter.get(), "0", 1));
  // The leak sanitizer looks at its own process as a debugger does.
  if (!kIsSanitized) check(::prctl(PR_SET_DUMPABLE, 0, 0, 0, 0), "forbid core dumps");
  const rlimit none{0, 0};
  check(::setrlimit(RLIMIT_CORE, &none), "forbid core dumps");
}

}  // namespace sidelock
