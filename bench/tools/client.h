// One connection of the load generator, in TLS or in plain text: connects, shakes hands, asks, checks the answer.
// A fault of the measured system throws std::runtime_error: figures of a system that fails are worth nothing.
#pragma once

#include <memory>

#include <openssl/ssl.h>

#include "message.h"
#include "net.h"

namespace bench {

template <auto kFree>
struct Free {
  template <class T>
  void operator()(T* object) const {
    kFree(object);
  }
};
using Ssl = std::unique_ptr<SSL, Free<SSL_free>>;
using SslContext = std::unique_ptr<SSL_CTX, Free<SSL_CTX_free>>;
using SslSession = std::unique_ptr<SSL_SESSION, Free<SSL_SESSION_free>>;

// What the connections of a run share.
struct Shared {
  Target target;
  SslContext context;  // none: plain text
  bool resume = false;
  SslSession session;  // the newest ticket
  Pattern pattern;
  Epoll epoll;
  std::uint64_t resumed = 0;  // handshakes that the system answered by resumption
};

// A context that verifies nothing and offers what OpenSSL offers by itself, or `ciphersuites` (TLS 1.3) and `groups`
// when they are not empty. It points to `shared`, which outlives it.
SslContext make_context(Shared& shared, const std::string& ciphersuites, std::string groups);

class Client {
 public:
  enum class State { kConnecting, kShaking, kIdle, kBusy };

  // Begins to connect.
  explicit Client(Shared& shared);
  // Ends with close_notify, so that no system sees a truncated stream.
  ~Client();
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  [[nodiscard]] State state() const noexcept { return state_; }

  // For a connection that is idle. go_on() brings it back to idle once the answer is there.
  void ask(const Header& request, std::int64_t asked_at);
  [[nodiscard]] std::int64_t asked_at() const noexcept { return asked_at_; }

  // Does what can be done now, without waiting.
  void go_on();

  std::size_t index = 0;  // the owner's

 private:
  void begin_tls();
  bool shake();
  bool send_request();
  bool receive_answer();
  // Bytes moved; 0: would block.
  std::size_t send(std::span<const std::byte> bytes);
  std::size_t receive();

  Shared& shared_;
  int fd_;
  Ssl ssl_;
  State state_ = State::kConnecting;
  Header request_;
  std::uint64_t sent_ = 0;
  std::uint64_t received_ = 0;
  std::int64_t asked_at_ = 0;
};

}  // namespace bench
