// A non-blocking stream or listening socket whose waiting is awaitable. Reading and writing never suspend; readable()
// and writable() do. One owner; one thread.
#pragma once

#include <cstddef>
#include <span>

#include "base/address.h"
#include "base/fd.h"
#include "io/reactor.h"

namespace sidelock {

enum class Io {
  kDone,        // `bytes` were moved, at least one
  kWouldBlock,  // nothing now: await readable() or writable()
  kEnd,         // read only: the peer's clean end of stream
  kError,       // the connection is broken or was aborted: see error()
};

struct IoResult {
  Io state = Io::kWouldBlock;
  std::size_t bytes = 0;
};

class Socket {
 public:
  // Takes a non-blocking socket and registers it. Throws std::system_error (the fd is closed then).
  Socket(Fd fd, Reactor& reactor);
  Socket(Socket&&) noexcept = default;
  Socket& operator=(Socket&&) = delete;
  Socket(const Socket&) = delete;
  Socket& operator=(const Socket&) = delete;
  ~Socket();

  [[nodiscard]] int fd() const noexcept { return fd_.get(); }
  [[nodiscard]] Reactor& reactor() const noexcept { return *reactor_; }
  [[nodiscard]] bool is_open() const noexcept { return static_cast<bool>(fd_); }

  // Moves what can be moved now; makes no system call while it is known that nothing can. After an error of the kernel
  // a read still delivers what had arrived before it, and then reports kError, never kEnd: the kernel tells an error
  // once, after it recv() returns 0.
  IoResult read(std::span<std::byte> into);
  IoResult write(std::span<const std::byte> from);

  // Accepts one connection, and fills `peer`; kError with errno in error() (EMFILE and the like leave the listener
  // usable).
  Io accept(Fd& accepted, Endpoint& peer);

  // For a socket whose connect() is under way: marks it so that writable() waits for the outcome, which
  // take_connect_error() then tells as an errno, 0 for success.
  void expect_connection() noexcept { watch_->writable = false; }
  int take_connect_error() noexcept;

  // For a listener about to close: the kernel drops new connection requests (SYN), which clients repeat, but finishes
  // handshakes under way (ip(7), IP_MINTTL: no privilege is needed). Closing with either in the queue would reset them.
  void drop_new_requests() noexcept;

  // Acknowledges at once what has come, where the kernel would wait 40 ms for bytes to send it with (tcp(7),
  // TCP_QUICKACK).
  void acknowledge_now() noexcept;

  // Tells the peer that no more bytes come. Only for a clean end.
  void shutdown_write() noexcept;

  // For a descriptor that the owner reads by other means: nothing is left there.
  void note_drained() noexcept { watch_->readable = false; }

  // Lets the next read ask the kernel although the one before came up short: more may have come meanwhile.
  void look_again() noexcept { watch_->readable = true; }

  // Whether a read is worth trying.
  [[nodiscard]] bool may_read() const noexcept { return watch_->readable; }

  // Resumes those that wait to read, soon, although nothing may have come.
  void interrupt() {
    if (watch_) reactor_->schedule_all(watch_->readers);
  }

  // Ends all use of this socket with `error` without a system call: waiters are resumed soon, reads and writes fail.
  void abort(int error);
  [[nodiscard]] bool is_aborted() const noexcept { return is_aborted_; }
  // errno of the first error, 0 while there is none.
  [[nodiscard]] int error() const noexcept { return error_; }

  // Closes. with_reset() makes the kernel send a reset and drop what it has not delivered.
  void close() noexcept;
  void close_with_reset() noexcept;

  // Bytes the peer's kernel has not acknowledged yet (SIOCOUTQ, tcp(7)); 0 when unknown or
  // the connection is gone.
  [[nodiscard]] std::size_t unacknowledged() const noexcept;

  // Whether the peer has acknowledged nothing for `limit` although the kernel keeps asking (tcp(7), TCP_INFO). A peer
  // that only does not read answers the kernel's probes, and is not silent.
  [[nodiscard]] bool is_peer_silent(std::chrono::milliseconds limit) const noexcept;

  class Readiness {
   public:
    Readiness(Socket& socket, bool Watch::*flag, Waiter* Watch::*list) noexcept
        : socket_{socket}, flag_{flag}, list_{list} {}
    [[nodiscard]] bool await_ready() const noexcept { return socket_.is_aborted_ || (*socket_.watch_).*flag_; }
    void await_suspend(std::coroutine_handle<> awaiting) {
      if (flag_ == &Watch::writable) socket_.reactor_->tell_of_room(*socket_.watch_);
      waiter_ = {awaiting, (*socket_.watch_).*list_};
      (*socket_.watch_).*list_ = &waiter_;
    }
    void await_resume() const noexcept {}

   private:
    Socket& socket_;
    bool Watch::*flag_;
    Waiter* Watch::*list_;
    Waiter waiter_;
  };
  // `co_await socket.readable()`: until a read is worth trying, or the socket is aborted. The socket outlives the wait.
  Readiness readable() noexcept { return {*this, &Watch::readable, &Watch::readers}; }
  Readiness writable() noexcept { return {*this, &Watch::writable, &Watch::writers}; }

 private:
  IoResult fail(int error) noexcept;

  Fd fd_;
  Reactor* reactor_;
  std::unique_ptr<Watch> watch_;
  int error_ = 0;
  bool is_aborted_ = false;
  bool is_write_shut_ = false;
  bool is_dropping_requests_ = false;
};

}  // namespace sidelock
