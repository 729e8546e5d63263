// Sockets, epoll and arguments of the measuring programs. Set-up faults throw std::system_error.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include <sys/epoll.h>

namespace bench {

// A numeric address and port: "127.0.0.1:443" or "[::1]:443". Throws std::invalid_argument.
struct Target {
  std::string address;
  std::uint16_t port = 0;
};
Target parse_target(const std::string& text);

// A listening, a connecting (EINPROGRESS) and an accepted socket: non-blocking, TCP_NODELAY. The caller closes.
int listen_on(const Target& target);
int connect_to(const Target& target);
int accept_one(int listener);  // -1 when nobody is waiting

class Epoll {
 public:
  Epoll();
  ~Epoll();
  Epoll(const Epoll&) = delete;
  Epoll& operator=(const Epoll&) = delete;

  void add(int fd, std::uint32_t events, void* what) const;
  // Until something happens or `timeout_ns` are over; negative: for ever.
  [[nodiscard]] const std::vector<epoll_event>& wait(std::int64_t timeout_ns);

 private:
  int fd_;
  std::vector<epoll_event> events_;
};

// CLOCK_MONOTONIC in nanoseconds.
std::int64_t now_ns();

// A child ends with its driver, even when that one is killed (prctl(2), PR_SET_PDEATHSIG). Raises the descriptor limit
// to its hard limit.
void prepare_process();

}  // namespace bench
