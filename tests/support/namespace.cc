// See namespace.h.
#include "support/namespace.h"

#include <cerrno>
#include <cstring>

#include <fcntl.h>
#include <net/if.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

namespace sidelock::test {

namespace {

ino_t inode_of(const char* path) {
  struct stat status {};
  return ::stat(path, &status) == 0 ? status.st_ino : 0;
}

void bring_lo_up() {
  const Fd socket{::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0)};
  ifreq request{};
  std::strncpy(request.ifr_name, "lo", sizeof request.ifr_name - 1);
  request.ifr_flags = IFF_UP;
  ASSERT_EQ(::ioctl(socket.get(), SIOCSIFFLAGS, &request), 0) << std::strerror(errno);
}

}  // namespace

void NamespaceTest::SetUp() {
  if (::geteuid() != 0) GTEST_SKIP() << "needs root to make a network namespace";
  outer_network_ = Fd{::open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC)};
  outer_mounts_ = Fd{::open("/proc/self/ns/mnt", O_RDONLY | O_CLOEXEC)};
  const ino_t before = inode_of("/proc/self/ns/net");
  if (::unshare(CLONE_NEWNET | CLONE_NEWNS) != 0) {
    const int error = errno;
    outer_network_.reset();
    GTEST_SKIP() << "cannot make a network namespace: " << std::strerror(error);
  }
  const ino_t now = inode_of("/proc/self/ns/net");
  ASSERT_TRUE(now != before && now != inode_of("/proc/1/ns/net")) << "this is still the initial network namespace";
  ASSERT_EQ(::mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr), 0) << std::strerror(errno);
  ASSERT_EQ(::mount("tmpfs", "/run", "tmpfs", 0, "mode=0755"), 0) << std::strerror(errno);
  bring_lo_up();
}

void NamespaceTest::TearDown() {
  if (!outer_network_) return;
  // Nothing may go on in the wrong namespace.
  if (::setns(outer_network_.get(), CLONE_NEWNET) != 0 || ::setns(outer_mounts_.get(), CLONE_NEWNS) != 0) ::abort();
}

}  // namespace sidelock::test
