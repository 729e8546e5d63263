// For LD_PRELOAD: makes the kernel look as if it lacked what SHIM_WITHOUT names, separated by commas: "x_tables",
// "nf_tables", "ipv6" (the whole family), "ip6_tables" (the tables, while IPv6 exists), "policy_routing", or "counters"
// (as if somebody wrote each table between its replacement and the return of its counters). And lets something happen
// at a moment that is else left to chance: the shell commands SHIM_BEFORE and SHIM_AFTER are run around the SHIM_AT-th
// replacement of a table, counted from 1. A transaction of nf_tables counts as one.
#include <cerrno>
#include <cstdarg>
#include <cstdlib>
#include <cstring>
#include <string>
#include <vector>

#include <fcntl.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace {

constexpr int kFirstTablesOption = 64;  // IPT_SO_GET_INFO to get, IPT_SO_SET_REPLACE to set; the same for IPv6
constexpr int kCountersOption = 65;     // IPT_SO_SET_ADD_COUNTERS to set

int replacements = 0;

bool is_without(const char* feature) {
  const char* value = std::getenv("SHIM_WITHOUT");
  if (value == nullptr) return false;
  const std::string all = std::string{","} + value + ",";
  return all.find(std::string{","} + feature + ",") != std::string::npos;
}

int refused(int error) {
  errno = error;
  return -1;
}

// The command shall be neither shimmed in its turn nor wait for the lock that the program holds.
void run_command(const char* variable) {
  const char* command = std::getenv(variable);
  if (command == nullptr) return;
  ::unsetenv("LD_PRELOAD");
  ::setenv("XTABLES_LOCKFILE", "/run/other.lock", 1);
  if (std::system(command) != 0) ::abort();
}

// A batch for nf_tables begins with a message of its own type.
bool is_transaction(const void* data, std::size_t size) {
  nlmsghdr header{};
  if (size < sizeof header) return false;
  std::memcpy(&header, data, sizeof header);
  return header.nlmsg_type == NFNL_MSG_BATCH_BEGIN;
}

// Asks the kernel for what it surely does not have, so that it refuses in its own words.
bool make_unknown(nlmsghdr& header, unsigned char& family) {
  const bool is_rule = header.nlmsg_type >= RTM_NEWRULE && header.nlmsg_type <= RTM_GETRULE;
  const bool is_route = header.nlmsg_type >= RTM_NEWROUTE && header.nlmsg_type <= RTM_GETROUTE;
  if (is_rule && is_without("policy_routing")) {
    header.nlmsg_type = RTM_MAX + 1;
  } else if ((is_rule || is_route) && family == AF_INET6 && is_without("ipv6")) {
    family = AF_APPLETALK;
  } else {
    return false;
  }
  return true;
}

template <class Call>
long around_replacement(Call call) {
  const char* at = std::getenv("SHIM_AT");
  const bool is_meant = at != nullptr && ++replacements == std::atoi(at);
  if (is_meant) run_command("SHIM_BEFORE");
  const long result = call();
  const int error = errno;
  if (is_meant) run_command("SHIM_AFTER");
  errno = error;
  return result;
}

}  // namespace

extern "C" int socket(int domain, int type, int protocol) noexcept {
  if (domain == AF_INET6 && is_without("ipv6")) return refused(EAFNOSUPPORT);
  if (domain == AF_NETLINK && protocol == NETLINK_NETFILTER && is_without("nf_tables")) return refused(EPROTONOSUPPORT);
  return static_cast<int>(::syscall(SYS_socket, domain, type, protocol));
}

// A kernel without the tables has no list of them either.
extern "C" int open(const char* path, int flags, ...) {
  const bool is_list =
      std::strstr(path, "/ip_tables_names") != nullptr || std::strstr(path, "/ip6_tables_names") != nullptr;
  if (is_list && is_without("x_tables")) return refused(ENOENT);
  std::va_list more;
  va_start(more, flags);
  const mode_t mode = (flags & (O_CREAT | O_TMPFILE)) != 0 ? va_arg(more, mode_t) : 0;
  va_end(more);
  return static_cast<int>(::syscall(SYS_openat, AT_FDCWD, path, flags, mode));
}

extern "C" int getsockopt(int fd, int level, int option, void* value, socklen_t* size) noexcept {
  const bool is_tables = option == kFirstTablesOption && (level == IPPROTO_IP || level == IPPROTO_IPV6);
  if (is_tables && is_without("x_tables")) return refused(ENOPROTOOPT);
  if (is_tables && level == IPPROTO_IPV6 && is_without("ip6_tables")) return refused(ENOENT);
  return static_cast<int>(::syscall(SYS_getsockopt, fd, level, option, value, size));
}

extern "C" ssize_t sendto(int fd, const void* data, std::size_t size, int flags, const sockaddr* to,
                          socklen_t to_size) {
  const auto send = [&] { return ::syscall(SYS_sendto, fd, data, size, flags, to, to_size); };
  return is_transaction(data, size) ? around_replacement(send) : send();
}

extern "C" int setsockopt(int fd, int level, int option, const void* value, socklen_t size) noexcept {
  const bool is_netfilter = level == IPPROTO_IP || level == IPPROTO_IPV6;
  if (is_netfilter && option == kCountersOption && is_without("counters")) return refused(EINVAL);
  const bool is_replacement = is_netfilter && option == kFirstTablesOption;
  const auto set = [&] { return ::syscall(SYS_setsockopt, fd, level, option, value, size); };
  return static_cast<int>(is_replacement ? around_replacement(set) : set());
}

// libnl sends with this.
extern "C" ssize_t sendmsg(int fd, const msghdr* message, int flags) {
  int protocol = 0;
  socklen_t size = sizeof protocol;
  const bool is_routing = ::syscall(SYS_getsockopt, fd, SOL_SOCKET, SO_PROTOCOL, &protocol, &size) == 0 &&
                          protocol == NETLINK_ROUTE && message->msg_iovlen == 1;
  nlmsghdr header{};
  if (!is_routing || message->msg_iov->iov_len <= sizeof header) return ::syscall(SYS_sendmsg, fd, message, flags);
  const auto* const begin = static_cast<const unsigned char*>(message->msg_iov->iov_base);
  std::vector<unsigned char> bytes{begin, begin + message->msg_iov->iov_len};
  std::memcpy(&header, bytes.data(), sizeof header);
  if (!make_unknown(header, bytes[sizeof header])) return ::syscall(SYS_sendmsg, fd, message, flags);
  std::memcpy(bytes.data(), &header, sizeof header);
  iovec changed{bytes.data(), bytes.size()};
  msghdr copy = *message;
  copy.msg_iov = &changed;
  return ::syscall(SYS_sendmsg, fd, &copy, flags);
}
