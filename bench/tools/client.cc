// See client.h.
#include "client.h"

#include <cerrno>
#include <stdexcept>

#include <openssl/err.h>
#include <sys/socket.h>
#include <unistd.h>

namespace bench {

namespace {

std::array<std::byte, Pattern::kLongest> buffer;

[[noreturn]] void fail(const std::string& what) {
  const unsigned long error = ::ERR_peek_error();
  throw std::runtime_error{what + (error == 0 ? std::string{} : std::string{": "} + ::ERR_error_string(error, nullptr))};
}

int keep_session(SSL* ssl, SSL_SESSION* session) {
  static_cast<Shared*>(SSL_get_app_data(ssl))->session.reset(session);
  return 1;  // ours now
}

}  // namespace

SslContext make_context(Shared& shared, const std::string& ciphersuites, std::string groups) {
  SslContext context{::SSL_CTX_new(::TLS_client_method())};
  if (!context) fail("SSL_CTX_new");
  if (!ciphersuites.empty() && ::SSL_CTX_set_ciphersuites(context.get(), ciphersuites.c_str()) != 1) fail(ciphersuites);
  if (!groups.empty() && SSL_CTX_set1_groups_list(context.get(), groups.data()) != 1) fail(groups);
  SSL_CTX_set_mode(context.get(), SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
                                      SSL_MODE_RELEASE_BUFFERS);
  if (shared.resume) {
    SSL_CTX_set_session_cache_mode(context.get(), SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
    ::SSL_CTX_sess_set_new_cb(context.get(), keep_session);
  }
  return context;
}

Client::Client(Shared& shared) : shared_{shared}, fd_{connect_to(shared.target)} {
  shared_.epoll.add(fd_, EPOLLIN | EPOLLOUT | EPOLLET | EPOLLRDHUP, this);
}

Client::~Client() {
  if (ssl_ && state_ != State::kShaking) ::SSL_shutdown(ssl_.get());
  ::close(fd_);
}

void Client::ask(const Header& request, std::int64_t asked_at) {
  request_ = request;
  asked_at_ = asked_at;
  sent_ = received_ = 0;
  state_ = State::kBusy;
  go_on();
}

void Client::go_on() {
  if (state_ == State::kConnecting) {
    int error = 0;
    socklen_t size = sizeof error;
    ::getsockopt(fd_, SOL_SOCKET, SO_ERROR, &error, &size);
    if (error != 0) throw std::system_error{error, std::generic_category(), "connect"};
    begin_tls();
  }
  if (state_ == State::kShaking && !shake()) return;
  if (state_ == State::kBusy && send_request() && receive_answer()) state_ = State::kIdle;
}

void Client::begin_tls() {
  if (!shared_.context) {
    state_ = State::kIdle;
    return;
  }
  ssl_.reset(::SSL_new(shared_.context.get()));
  if (!ssl_ || ::SSL_set_fd(ssl_.get(), fd_) != 1) fail("SSL_new");
  SSL_set_app_data(ssl_.get(), &shared_);
  if (shared_.resume && shared_.session) {
    // A copy: libssl marks a session that several connections share at once as not to be resumed.
    const SslSession session{::SSL_SESSION_dup(shared_.session.get())};
    ::SSL_set_session(ssl_.get(), session.get());
  }
  state_ = State::kShaking;
}

bool Client::shake() {
  ::ERR_clear_error();
  const int result = ::SSL_connect(ssl_.get());
  if (result == 1) {
    if (::SSL_session_reused(ssl_.get()) == 1) ++shared_.resumed;
    state_ = State::kIdle;
    return true;
  }
  const int error = ::SSL_get_error(ssl_.get(), result);
  if (error != SSL_ERROR_WANT_READ && error != SSL_ERROR_WANT_WRITE) fail("handshake");
  return false;
}

bool Client::send_request() {
  while (sent_ < request_.request_size) {
    const std::size_t count = send(request_from(request_, sent_, shared_.pattern));
    if (count == 0) return false;
    sent_ += count;
  }
  return true;
}

bool Client::receive_answer() {
  while (received_ < request_.answer_size) {
    const std::size_t count = receive();
    if (count == 0) return false;
    if (!shared_.pattern.matches(received_, std::span{buffer}.first(count))) fail("the answer is not what was asked for");
    received_ += count;
  }
  if (received_ > request_.answer_size) fail("the answer is too long");
  return true;
}

std::size_t Client::send(std::span<const std::byte> bytes) {
  if (!ssl_) {
    const ssize_t count = ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (count < 0 && errno != EAGAIN) fail("send");
    return count < 0 ? 0 : static_cast<std::size_t>(count);
  }
  std::size_t count = 0;
  ::ERR_clear_error();
  if (::SSL_write_ex(ssl_.get(), bytes.data(), bytes.size(), &count) == 1) return count;
  const int error = ::SSL_get_error(ssl_.get(), 0);
  if (error != SSL_ERROR_WANT_READ && error != SSL_ERROR_WANT_WRITE) fail("write");
  return 0;
}

std::size_t Client::receive() {
  if (!ssl_) {
    const ssize_t count = ::recv(fd_, buffer.data(), buffer.size(), 0);
    if (count == 0 || (count < 0 && errno != EAGAIN)) fail("the connection was closed");
    return count < 0 ? 0 : static_cast<std::size_t>(count);
  }
  std::size_t count = 0;
  ::ERR_clear_error();
  if (::SSL_read_ex(ssl_.get(), buffer.data(), buffer.size(), &count) == 1) return count;
  if (::SSL_get_error(ssl_.get(), 0) != SSL_ERROR_WANT_READ) fail("the connection was closed");
  return 0;
}

}  // namespace bench
