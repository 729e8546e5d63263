// See socket.h.
#include "io/socket.h"

#include <array>
#include <cerrno>
#include <utility>

#include <linux/sockios.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

namespace sidelock {

namespace {

constexpr int kMostHops = 255;

// Of both families: each looks at its own. What fails changes nothing.
void set_least_hops(int socket, int hops) noexcept {
  ::setsockopt(socket, IPPROTO_IP, IP_MINTTL, &hops, sizeof hops);
  ::setsockopt(socket, IPPROTO_IPV6, IPV6_MINHOPCOUNT, &hops, sizeof hops);
}

}  // namespace

Socket::Socket(Fd fd, Reactor& reactor) : fd_{std::move(fd)}, reactor_{&reactor}, watch_{reactor.watch(fd_.get())} {}

Socket::~Socket() { close(); }

IoResult Socket::read(std::span<std::byte> into) {
  if (is_aborted_) return {Io::kError, 0};
  if (!watch_->readable) return {Io::kWouldBlock, 0};
  ssize_t count = 0;
  do {
    count = ::recv(fd_.get(), into.data(), into.size(), 0);
  } while (count < 0 && errno == EINTR);
  if (count > 0) {
    // Edge-triggered: what arrives after a short read raises a new event. Not so an end that is already known.
    if (static_cast<std::size_t>(count) < into.size() && !watch_->may_stop_short) watch_->readable = false;
    return {Io::kDone, static_cast<std::size_t>(count)};
  }
  if (count == 0) return error_ == 0 ? IoResult{Io::kEnd, 0} : IoResult{Io::kError, 0};
  if (errno != EAGAIN) return fail(errno);
  watch_->readable = false;
  return {Io::kWouldBlock, 0};
}

IoResult Socket::write(std::span<const std::byte> from) {
  if (is_aborted_) return {Io::kError, 0};
  if (!watch_->writable) return {Io::kWouldBlock, 0};
  ssize_t count = 0;
  do {
    count = ::send(fd_.get(), from.data(), from.size(), MSG_NOSIGNAL);
  } while (count < 0 && errno == EINTR);
  if (count >= 0) {
    if (static_cast<std::size_t>(count) < from.size()) watch_->writable = false;
    return {Io::kDone, static_cast<std::size_t>(count)};
  }
  if (errno != EAGAIN) return fail(errno);
  watch_->writable = false;
  return {Io::kWouldBlock, 0};
}

Io Socket::accept(Fd& accepted, Endpoint& peer) {
  if (is_aborted_) return Io::kError;
  sockaddr_storage address{};
  socklen_t size = sizeof address;
  const int fd = ::accept4(fd_.get(), reinterpret_cast<sockaddr*>(&address), &size, SOCK_NONBLOCK | SOCK_CLOEXEC);
  if (fd >= 0) {
    if (is_dropping_requests_) set_least_hops(fd, 0);  // it inherits what the listener has
    accepted.reset(fd);
    peer = Endpoint::from_sockaddr(address);
    return Io::kDone;
  }
  if (errno == EAGAIN) {
    watch_->readable = false;
    return Io::kWouldBlock;
  }
  error_ = errno;
  return Io::kError;
}

int Socket::take_connect_error() noexcept {
  int error = 0;
  socklen_t size = sizeof error;
  if (::getsockopt(fd_.get(), SOL_SOCKET, SO_ERROR, &error, &size) != 0) error = errno;
  if (error != 0) fail(error);
  return error_;
}

// Nearly every system sends with 64 or 128 hops to go, so what comes for the listener is dropped; a handshake under way
// has a socket of its own in the kernel, whose segments are not looked at. A packet filter could do the same, but
// kernels may want a privilege for it that was given up long ago.
void Socket::drop_new_requests() noexcept {
  is_dropping_requests_ = true;
  set_least_hops(fd_.get(), kMostHops);
}

void Socket::shutdown_write() noexcept {
  if (!is_aborted_ && !std::exchange(is_write_shut_, true)) ::shutdown(fd_.get(), SHUT_WR);
}

void Socket::abort(int error) {
  if (is_aborted_ || !fd_) return;
  is_aborted_ = true;
  if (error_ == 0) error_ = error;
  reactor_->schedule_all(watch_->readers);
  reactor_->schedule_all(watch_->writers);
}

void Socket::close() noexcept {
  fd_.reset();
  if (watch_) reactor_->retire(std::move(watch_));
}

void Socket::acknowledge_now() noexcept {
  const int on = 1;
  ::setsockopt(fd_.get(), IPPROTO_TCP, TCP_QUICKACK, &on, sizeof on);
}

void Socket::close_with_reset() noexcept {
  const linger immediately{1, 0};
  if (fd_) ::setsockopt(fd_.get(), SOL_SOCKET, SO_LINGER, &immediately, sizeof immediately);
  close();
}

std::size_t Socket::unacknowledged() const noexcept {
  tcp_info info{};
  socklen_t size = sizeof info;
  // A connection that is gone still tells how much it had left.
  if (::getsockopt(fd_.get(), IPPROTO_TCP, TCP_INFO, &info, &size) != 0 || info.tcpi_state == TCP_CLOSE) return 0;
  int bytes = 0;
  return ::ioctl(fd_.get(), SIOCOUTQ, &bytes) == 0 && bytes > 0 ? static_cast<std::size_t>(bytes) : 0;
}

bool Socket::is_peer_silent(std::chrono::milliseconds limit) const noexcept {
  tcp_info info{};
  socklen_t size = sizeof info;
  if (::getsockopt(fd_.get(), IPPROTO_TCP, TCP_INFO, &info, &size) != 0) return false;
  // One probe may just be on its way; two without an answer are asking in vain.
  const bool is_asking = info.tcpi_retransmits > 0 || info.tcpi_probes > 1;
  return is_asking && std::chrono::milliseconds{info.tcpi_last_ack_recv} >= limit;
}

IoResult Socket::fail(int error) noexcept {
  if (error_ == 0) error_ = error;
  watch_->readable = watch_->writable = true;  // never wait for a broken connection
  return {Io::kError, 0};
}

}  // namespace sidelock
