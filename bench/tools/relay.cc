// bench-relay LISTEN TO copy|splice: a relay without TLS, the least that any terminator has to do. `copy` reads into one
// buffer for all connections and writes; `splice` moves pages through a pipe for each direction.
#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <memory>
#include <stdexcept>

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "net.h"

namespace bench {

namespace {

constexpr std::size_t kBlock = 256 * 1024;
std::array<std::byte, kBlock> buffer;

// One direction. Edge-triggered on both ends: go_on() works until neither side gives or takes any more.
class Direction {
 public:
  Direction(int from, int to) : from_{from}, to_{to} {}
  virtual ~Direction() = default;
  Direction(const Direction&) = delete;
  Direction& operator=(const Direction&) = delete;

  // False once the stream has ended, or failed.
  virtual bool go_on() = 0;
  // Whether something waits until the receiving end takes more.
  [[nodiscard]] virtual bool is_blocked() const = 0;

 protected:
  [[nodiscard]] int from() const { return from_; }
  [[nodiscard]] int to() const { return to_; }

 private:
  int from_;
  int to_;
};

class Copy final : public Direction {
 public:
  using Direction::Direction;

  [[nodiscard]] bool is_blocked() const override { return !kept_.empty(); }
  bool go_on() override {
    for (;;) {
      if (!kept_.empty()) {
        const ssize_t sent = ::send(to(), kept_.data(), kept_.size(), MSG_NOSIGNAL);
        if (sent < 0) return errno == EAGAIN;
        kept_.erase(kept_.begin(), kept_.begin() + sent);
        if (!kept_.empty()) return true;
      }
      const ssize_t got = ::recv(from(), buffer.data(), buffer.size(), 0);
      if (got <= 0) return got < 0 && errno == EAGAIN;
      const ssize_t sent = ::send(to(), buffer.data(), static_cast<std::size_t>(got), MSG_NOSIGNAL);
      if (sent < 0 && errno != EAGAIN) return false;
      const auto begin = buffer.begin() + (sent < 0 ? 0 : sent);
      kept_.assign(begin, buffer.begin() + got);
      if (static_cast<std::size_t>(got) < buffer.size() && kept_.empty()) return true;
    }
  }

 private:
  std::vector<std::byte> kept_;
};

class Splice final : public Direction {
 public:
  Splice(int from, int to) : Direction{from, to} {
    if (::pipe2(pipe_.data(), O_NONBLOCK | O_CLOEXEC) != 0) throw std::runtime_error{"pipe2"};
    ::fcntl(pipe_[1], F_SETPIPE_SZ, kBlock);
  }
  ~Splice() override {
    ::close(pipe_[0]);
    ::close(pipe_[1]);
  }

  [[nodiscard]] bool is_blocked() const override { return inside_ > 0; }
  bool go_on() override {
    for (;;) {
      while (inside_ > 0) {
        const ssize_t sent = ::splice(pipe_[0], nullptr, to(), nullptr, inside_, SPLICE_F_MOVE | SPLICE_F_NONBLOCK);
        if (sent <= 0) return sent < 0 && errno == EAGAIN;
        inside_ -= static_cast<std::size_t>(sent);
      }
      const ssize_t got = ::splice(from(), nullptr, pipe_[1], nullptr, kBlock, SPLICE_F_MOVE | SPLICE_F_NONBLOCK);
      if (got <= 0) return got < 0 && errno == EAGAIN;
      inside_ = static_cast<std::size_t>(got);
    }
  }

 private:
  std::array<int, 2> pipe_{};
  std::size_t inside_ = 0;
};

class Pair {
 public:
  Pair(int client, int app, bool is_spliced) : client_{client}, app_{app} {
    if (is_spliced) {
      up_ = std::make_unique<Splice>(client, app);
      down_ = std::make_unique<Splice>(app, client);
    } else {
      up_ = std::make_unique<Copy>(client, app);
      down_ = std::make_unique<Copy>(app, client);
    }
  }
  ~Pair() {
    ::close(client_);
    ::close(app_);
  }
  Pair(const Pair&) = delete;
  Pair& operator=(const Pair&) = delete;

  // An event of one end concerns what comes from it and what waits to go to it.
  void go_on(bool is_of_client, std::uint32_t events) {
    Direction& from_it = is_of_client ? *up_ : *down_;
    Direction& to_it = is_of_client ? *down_ : *up_;
    if ((events & ~std::uint32_t{EPOLLOUT}) != 0 && !from_it.go_on()) is_over = true;
    if (!is_over && to_it.is_blocked() && !to_it.go_on()) is_over = true;
  }

  struct End {
    Pair* pair;
    bool is_client;
  };
  End client_end{this, true};
  End app_end{this, false};
  bool is_over = false;
  bool is_listed = false;

 private:
  int client_;
  int app_;
  std::unique_ptr<Direction> up_;
  std::unique_ptr<Direction> down_;
};

[[noreturn]] void serve(const Target& listen, const Target& to, bool is_spliced) {
  constexpr std::uint32_t kEvents = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET;
  Epoll epoll;
  const int listener = listen_on(listen);
  epoll.add(listener, EPOLLIN, nullptr);
  std::puts("ready");
  std::fflush(stdout);
  std::vector<Pair*> over;
  for (;;) {
    for (const epoll_event& event : epoll.wait(-1)) {
      if (event.data.ptr == nullptr) {
        for (int client = accept_one(listener); client >= 0; client = accept_one(listener)) {
          const int app = connect_to(to);
          auto* const pair = new Pair{client, app, is_spliced};
          epoll.add(client, kEvents, &pair->client_end);
          epoll.add(app, kEvents, &pair->app_end);
        }
        continue;
      }
      const auto* const end = static_cast<Pair::End*>(event.data.ptr);
      if (!end->pair->is_over) end->pair->go_on(end->is_client, event.events);
      if (end->pair->is_over && !end->pair->is_listed) {
        end->pair->is_listed = true;
        over.push_back(end->pair);
      }
    }
    for (const Pair* const pair : over) delete pair;
    over.clear();
  }
}

}  // namespace

}  // namespace bench

int main(int argc, char** argv) {
  try {
    bench::prepare_process();
    if (argc != 4) throw std::invalid_argument{"usage: bench-relay LISTEN TO copy|splice"};
    bench::serve(bench::parse_target(argv[1]), bench::parse_target(argv[2]), std::strcmp(argv[3], "splice") == 0);
  } catch (const std::exception& failure) {
    std::fprintf(stderr, "bench-relay: %s\n", failure.what());
    return 1;
  }
}
