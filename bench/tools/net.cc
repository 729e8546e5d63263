// See net.h.
#include "net.h"

#include <cerrno>
#include <csignal>
#include <ctime>
#include <stdexcept>
#include <system_error>

#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

namespace bench {

namespace {

constexpr int kBacklog = 4096;
constexpr int kEvents = 256;

[[noreturn]] void fail(const char* what) { throw std::system_error{errno, std::generic_category(), what}; }

void set(int fd, int level, int option) {
  const int on = 1;
  if (::setsockopt(fd, level, option, &on, sizeof on) != 0) fail("setsockopt");
}

// Resolves a target and opens a socket of its family.
class Opened {
 public:
  explicit Opened(const Target& target) {
    addrinfo hints{};
    hints.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV;
    hints.ai_socktype = SOCK_STREAM;
    if (::getaddrinfo(target.address.c_str(), std::to_string(target.port).c_str(), &hints, &found_) != 0) {
      throw std::invalid_argument{"no numeric address: " + target.address};
    }
    fd = ::socket(found_->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0) fail("socket");
  }
  ~Opened() { ::freeaddrinfo(found_); }
  Opened(const Opened&) = delete;
  Opened& operator=(const Opened&) = delete;

  [[nodiscard]] const sockaddr* address() const { return found_->ai_addr; }
  [[nodiscard]] socklen_t size() const { return found_->ai_addrlen; }

  int fd = -1;

 private:
  addrinfo* found_ = nullptr;
};

}  // namespace

Target parse_target(const std::string& text) {
  const std::size_t colon = text.rfind(':');
  if (colon == std::string::npos) throw std::invalid_argument{"no ADDRESS:PORT: " + text};
  std::string address = text.substr(0, colon);
  if (address.size() > 2 && address.front() == '[') address = address.substr(1, address.size() - 2);
  return {address, static_cast<std::uint16_t>(std::stoul(text.substr(colon + 1)))};
}

int listen_on(const Target& target) {
  const Opened opened{target};
  set(opened.fd, SOL_SOCKET, SO_REUSEADDR);
  if (::bind(opened.fd, opened.address(), opened.size()) != 0) fail("bind");
  if (::listen(opened.fd, kBacklog) != 0) fail("listen");
  return opened.fd;
}

int connect_to(const Target& target) {
  const Opened opened{target};
  set(opened.fd, IPPROTO_TCP, TCP_NODELAY);
  if (::connect(opened.fd, opened.address(), opened.size()) != 0 && errno != EINPROGRESS) {
    const int error = errno;
    ::close(opened.fd);
    errno = error;
    fail("connect");
  }
  return opened.fd;
}

int accept_one(int listener) {
  const int fd = ::accept4(listener, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
  if (fd >= 0) set(fd, IPPROTO_TCP, TCP_NODELAY);
  return fd;
}

Epoll::Epoll() : fd_{::epoll_create1(EPOLL_CLOEXEC)} {
  if (fd_ < 0) fail("epoll_create1");
}

Epoll::~Epoll() { ::close(fd_); }

void Epoll::add(int fd, std::uint32_t events, void* what) const {
  epoll_event event{};
  event.events = events;
  event.data.ptr = what;
  if (::epoll_ctl(fd_, EPOLL_CTL_ADD, fd, &event) != 0) fail("epoll_ctl");
}

const std::vector<epoll_event>& Epoll::wait(std::int64_t timeout_ns) {
  constexpr std::int64_t kSecond = 1'000'000'000;
  const timespec timeout{timeout_ns / kSecond, timeout_ns % kSecond};
  events_.resize(kEvents);
  const int count = ::epoll_pwait2(fd_, events_.data(), kEvents, timeout_ns < 0 ? nullptr : &timeout, nullptr);
  if (count < 0 && errno != EINTR) fail("epoll_pwait2");
  events_.resize(static_cast<std::size_t>(count < 0 ? 0 : count));
  return events_;
}

std::int64_t now_ns() {
  timespec now{};
  ::clock_gettime(CLOCK_MONOTONIC, &now);
  return now.tv_sec * std::int64_t{1'000'000'000} + now.tv_nsec;
}

void prepare_process() {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  rlimit limit{};
  ::getrlimit(RLIMIT_NOFILE, &limit);
  limit.rlim_cur = limit.rlim_max;
  ::setrlimit(RLIMIT_NOFILE, &limit);
}

}  // namespace bench
