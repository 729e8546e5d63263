// See capabilities.h. By capget and capset themselves: libcap would be one more library in the image for two calls.
#include "netsetup/capabilities.h"

#include <array>
#include <cstdint>
#include <optional>

#include <linux/capability.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace sidelock {

namespace {

using CapabilitySets = std::array<__user_cap_data_struct, _LINUX_CAPABILITY_U32S_3>;

constexpr std::uint32_t kNetAdmin = 1U << CAP_NET_ADMIN;
constexpr std::uint32_t kNetRaw = 1U << CAP_NET_RAW;

std::optional<CapabilitySets> own_capabilities() {
  __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
  CapabilitySets sets{};
  if (::syscall(SYS_capget, &header, sets.data()) != 0) return std::nullopt;
  return sets;
}

}  // namespace

void raise_network_capabilities() {
  std::optional<CapabilitySets> sets = own_capabilities();
  if (!sets) return;
  sets->front().effective |= sets->front().permitted & (kNetAdmin | kNetRaw);
  __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
  // A refusal needs no word of its own: the first rule that cannot be written names the capability.
  static_cast<void>(::syscall(SYS_capset, &header, sets->data()));
}

std::string missing_network_capabilities() {
  const std::optional<CapabilitySets> sets = own_capabilities();
  const std::uint32_t effective = sets ? sets->front().effective : 0;
  const bool has_admin = (effective & kNetAdmin) != 0;
  const bool has_raw = (effective & kNetRaw) != 0;
  if (!has_admin && !has_raw) return "NET_ADMIN and NET_RAW";
  if (!has_admin) return "NET_ADMIN";
  return has_raw ? "" : "NET_RAW";
}

}  // namespace sidelock
