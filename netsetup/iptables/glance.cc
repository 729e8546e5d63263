// See glance.h. Names of chains and comments stand as text in what the kernel hands out, so that looking for ours needs
// no understanding of the rest. Source: linux/netfilter_ipv4/ip_tables.h; IPv6 has the same numbers and structures.
#include "netsetup/iptables/glance.h"

#include <array>
#include <cerrno>
#include <cstddef>
#include <cstring>
#include <string_view>
#include <vector>

#include <netinet/in.h>
#include <sys/socket.h>

// After those, because it defines again what is missing.
#include <linux/netfilter_ipv4/ip_tables.h>

#include "base/fd.h"
#include "netsetup/iptables/table.h"
#include "netsetup/rule.h"

namespace sidelock::iptables {

namespace {

constexpr int kTries = 10;

int level_of(Family family) { return family == Family::kIpv4 ? static_cast<int>(IPPROTO_IP) : IPPROTO_IPV6; }

// Nothing when the kernel does not hand them out.
std::optional<std::vector<char>> entries_of(Family family, Table table) {
  const Fd socket{::socket(address_family(family), SOCK_DGRAM | SOCK_CLOEXEC, 0)};
  for (int i = 0; socket && i < kTries; ++i) {
    ipt_getinfo info{};
    name_of(table).copy(info.name, sizeof info.name - 1);
    socklen_t size = sizeof info;
    if (::getsockopt(socket.get(), level_of(family), IPT_SO_GET_INFO, &info, &size) != 0) return std::nullopt;
    std::vector<char> entries(offsetof(ipt_get_entries, entrytable) + info.size);
    name_of(table).copy(entries.data(), sizeof info.name - 1);
    std::memcpy(entries.data() + offsetof(ipt_get_entries, size), &info.size, sizeof info.size);
    size = static_cast<socklen_t>(entries.size());
    if (::getsockopt(socket.get(), level_of(family), IPT_SO_GET_ENTRIES, entries.data(), &size) == 0) return entries;
    if (errno != EAGAIN) return std::nullopt;  // somebody changed the table in between
  }
  return std::nullopt;
}

}  // namespace

std::optional<bool> holds_ours() {
  std::optional<bool> answer = false;
  for (const Family family : {Family::kIpv4, Family::kIpv6}) {
    for (const Table table : {Table::kFilter, Table::kMangle, Table::kNat}) {
      const std::optional<bool> is_there = is_listed(family, table);
      if (is_there == false) continue;
      const std::optional<std::vector<char>> entries = is_there ? entries_of(family, table) : std::nullopt;
      if (!entries) {
        answer.reset();
        continue;
      }
      const std::string_view text{entries->data(), entries->size()};
      if (text.find(kChainPrefix) != std::string_view::npos || text.find(kCommentPrefix) != std::string_view::npos)
        return true;
    }
  }
  return answer;
}

}  // namespace sidelock::iptables
