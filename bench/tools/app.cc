// bench-app ADDRESS:PORT...: the app behind every system that is measured. Checks each request and answers it with as
// many bytes as it asks for; a request that is not what was sent is answered by a reset.
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <memory>

#include <sys/socket.h>
#include <unistd.h>

#include "message.h"
#include "net.h"

namespace bench {

namespace {

const Pattern pattern;
std::array<std::byte, Pattern::kLongest> buffer;

class Peer {
 public:
  explicit Peer(int fd) : fd_{fd} {}
  ~Peer() { ::close(fd_); }
  Peer(const Peer&) = delete;
  Peer& operator=(const Peer&) = delete;

  [[nodiscard]] int fd() const { return fd_; }

  // Reads and answers what it can. False when the connection is over.
  bool go_on() {
    for (;;) {
      if (!answer()) return false;
      if (left_to_send_ > 0) return true;  // a request is answered before the next one is read
      const ssize_t count = ::recv(fd_, buffer.data(), buffer.size(), 0);
      if (count < 0) return errno == EAGAIN;
      if (count == 0) return false;
      if (!take(std::span{buffer}.first(static_cast<std::size_t>(count)))) {
        reset();
        return false;
      }
      if (static_cast<std::size_t>(count) < buffer.size()) return answer();  // edge-triggered: that was all
    }
  }

 private:
  bool take(std::span<const std::byte> bytes) {
    while (!bytes.empty()) {
      if (received_ < sizeof header_) {
        const std::size_t count = std::min(bytes.size(), sizeof header_ - static_cast<std::size_t>(received_));
        std::memcpy(reinterpret_cast<std::byte*>(&header_) + received_, bytes.data(), count);
        received_ += count;
        bytes = bytes.subspan(count);
        if (received_ == sizeof header_ && header_.request_size < sizeof header_) return false;
      } else {
        const auto count = std::min<std::uint64_t>(bytes.size(), header_.request_size - received_);
        if (!pattern.matches(received_, bytes.first(count))) return false;
        received_ += count;
        bytes = bytes.subspan(count);
      }
      if (received_ >= sizeof header_ && received_ == header_.request_size) {
        if (left_to_send_ > 0) return false;  // nobody here asks twice before the answer
        left_to_send_ = header_.answer_size;
        received_ = 0;
      }
    }
    return true;
  }

  bool answer() {
    while (left_to_send_ > 0) {
      const auto bytes = pattern.from(header_.answer_size - left_to_send_, left_to_send_);
      const ssize_t count = ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (count < 0) return errno == EAGAIN;
      left_to_send_ -= static_cast<std::uint64_t>(count);
    }
    return true;
  }

  void reset() const {
    const linger immediately{1, 0};
    ::setsockopt(fd_, SOL_SOCKET, SO_LINGER, &immediately, sizeof immediately);
  }

  int fd_;
  Header header_;
  std::uint64_t received_ = 0;
  std::uint64_t left_to_send_ = 0;
};

[[noreturn]] void serve(const std::vector<std::string>& targets) {
  Epoll epoll;
  std::vector<std::unique_ptr<int>> listeners;
  for (const std::string& target : targets) {
    listeners.push_back(std::make_unique<int>(listen_on(parse_target(target))));
    epoll.add(*listeners.back(), EPOLLIN, listeners.back().get());
  }
  std::puts("ready");
  std::fflush(stdout);
  for (;;) {
    for (const epoll_event& event : epoll.wait(-1)) {
      const auto listener = std::find_if(listeners.begin(), listeners.end(),
                                         [&](const auto& known) { return known.get() == event.data.ptr; });
      if (listener == listeners.end()) {
        auto* const peer = static_cast<Peer*>(event.data.ptr);
        if (!peer->go_on()) delete peer;
        continue;
      }
      for (int fd = accept_one(**listener); fd >= 0; fd = accept_one(**listener)) {
        epoll.add(fd, EPOLLIN | EPOLLOUT | EPOLLET, new Peer{fd});
      }
    }
  }
}

}  // namespace

}  // namespace bench

int main(int argc, char** argv) {
  try {
    bench::prepare_process();
    bench::serve({argv + 1, argv + argc});
  } catch (const std::exception& failure) {
    std::fprintf(stderr, "bench-app: %s\n", failure.what());
    return 1;
  }
}
