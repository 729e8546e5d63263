// For LD_PRELOAD: makes the kernel look as if it lacked what SHIM_WITHOUT names: "x_tables", "ipv6" (the whole family)
// or "ip6_tables" (the tables, while IPv6 exists).
#include <cerrno>
#include <cstdlib>
#include <cstring>

#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace {

constexpr int kFirstTablesOption = 64;  // IPT_SO_GET_INFO, IP6T_SO_GET_INFO

bool is_without(const char* feature) {
  const char* value = std::getenv("SHIM_WITHOUT");
  return value != nullptr && std::strcmp(value, feature) == 0;
}

int refused(int error) {
  errno = error;
  return -1;
}

}  // namespace

extern "C" int socket(int domain, int type, int protocol) noexcept {
  if (domain == AF_INET6 && is_without("ipv6")) return refused(EAFNOSUPPORT);
  return static_cast<int>(::syscall(SYS_socket, domain, type, protocol));
}

extern "C" int getsockopt(int fd, int level, int option, void* value, socklen_t* size) noexcept {
  const bool is_tables = option == kFirstTablesOption && (level == IPPROTO_IP || level == IPPROTO_IPV6);
  if (is_tables && is_without("x_tables")) return refused(ENOPROTOOPT);
  if (is_tables && level == IPPROTO_IPV6 && is_without("ip6_tables")) return refused(ENOENT);
  return static_cast<int>(::syscall(SYS_getsockopt, fd, level, option, value, size));
}
