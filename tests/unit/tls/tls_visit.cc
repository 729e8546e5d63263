// See tls_visit.h.
#include "unit/tls/tls_visit.h"

#include <array>
#include <thread>
#include <vector>

#include <fcntl.h>
#include <openssl/err.h>
#include <sys/socket.h>

namespace sidelock {

namespace {

struct Client {
  const Visitor& visitor;
  Visit& visit;

  static Client& of(const SSL* ssl) { return *static_cast<Client*>(SSL_get_app_data(ssl)); }
};

// SSL_CTX_sess_set_new_cb(3): a ticket came. Not called for a TLS 1.2 session that was resumed.
int keep_session(SSL* ssl, SSL_SESSION* session) {
  Client::of(ssl).visit.session.reset(session);
  return 1;
}

// SSL_CTX_set_info_callback(3).
void follow(const SSL* ssl, int where, int value) {
  Client& client = Client::of(ssl);
  if ((where & SSL_CB_READ_ALERT) == SSL_CB_READ_ALERT && value >> 8 == SSL3_AL_FATAL)
    client.visit.alert = value & 0xff;
  // It has the server's Finished; its own comes next.
  if (::SSL_get_state(ssl) != TLS_ST_CR_FINISHED) return;
  while (std::time(nullptr) < client.visitor.finishes_at) std::this_thread::sleep_for(std::chrono::milliseconds{1});
}

// Sends at once, as under TLS 1.3 it may, and reads to the end.
void be_client(const Fd& socket, const Visitor& visitor, Visit& visit) {
  const SslContextPtr context{::SSL_CTX_new(::TLS_client_method())};
  SSL_CTX_set_min_proto_version(context.get(), visitor.version);
  SSL_CTX_set_max_proto_version(context.get(), visitor.version);
  ::SSL_CTX_set_session_cache_mode(context.get(), SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
  ::SSL_CTX_sess_set_new_cb(context.get(), keep_session);
  ::SSL_CTX_set_info_callback(context.get(), follow);
  if (visitor.pair != nullptr) {
    ::SSL_CTX_use_certificate(context.get(), visitor.pair->certificate.get());
    ::SSL_CTX_use_PrivateKey(context.get(), visitor.pair->key.get());
  }
  const SslPtr ssl{::SSL_new(context.get())};
  Client client{visitor, visit};
  SSL_set_app_data(ssl.get(), &client);
  // A copy: OpenSSL would use one only once.
  const SessionPtr session{visitor.session != nullptr ? ::SSL_SESSION_dup(visitor.session) : nullptr};
  if (session) ::SSL_set_session(ssl.get(), session.get());
  ::SSL_set_fd(ssl.get(), socket.get());
  std::size_t written = 0;
  if (!visitor.early_data.empty())
    ::SSL_write_early_data(ssl.get(), visitor.early_data.data(), visitor.early_data.size(), &written);
  if (::SSL_connect(ssl.get()) == 1) {
    visit.early_data = ::SSL_get_early_data_status(ssl.get());
    visit.is_resumed = ::SSL_session_reused(ssl.get()) == 1;
    ::SSL_write(ssl.get(), "x", 1);
    std::array<char, 16> answer{};
    const int size = ::SSL_read(ssl.get(), answer.data(), answer.size());
    if (size > 0) visit.answer.assign(answer.data(), static_cast<std::size_t>(size));
    if (!visit.session) visit.session.reset(::SSL_get1_session(ssl.get()));
    ::SSL_shutdown(ssl.get());
  }
  ::ERR_clear_error();
  ::shutdown(socket.get(), SHUT_RDWR);
}

task<std::string> hear(TlsStream& stream) {
  std::vector<std::byte> heard(Buffers::kPlain);
  for (;;) {
    const ReadResult result = stream.read(heard, Buffers::kSmallestWindow);
    if (result.bytes > 0) co_return std::string(reinterpret_cast<const char*>(heard.data()), result.bytes);
    if (result.end != ReadEnd::kWouldBlock && result.end != ReadEnd::kMore) co_return std::string{};
    co_await stream.socket().readable();
  }
}

Detached be_server(TlsStream& stream, const TlsContext& context, const TlsPolicy& policy, Visit& visit) {
  Reactor& reactor = stream.socket().reactor();
  const Hello hello = co_await stream.hello(Preamble::kNone);
  if (hello == Hello::kWhole) {
    std::optional<Handshake> handshake = stream.begin_handshake(context, policy);
    if (!handshake) handshake = co_await stream.finish_handshake();
    visit.handshake = *handshake;
    visit.failure = stream.failure();
    if (handshake == Handshake::kDone) {
      visit.heard = co_await hear(stream);
      const std::string answer = "hello";
      stream.write(std::as_bytes(std::span{answer}));
    }
  }
  stream.socket().shutdown_write();
  reactor.stop();
}

}  // namespace

Visit visit(const TlsContext& context, const TlsPolicy& policy, const Visitor& visitor) {
  std::array<int, 2> sockets{};
  check(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sockets.data()), "make a socket pair");
  const Fd clients{sockets[1]};
  check(::fcntl(sockets[0], F_SETFL, O_NONBLOCK), "make a socket non-blocking");
  Visit visit;
  Reactor reactor;
  Buffers buffers;
  Socket socket{Fd{sockets[0]}, reactor};
  TlsStream stream{socket, buffers, 100};
  std::thread client{[&] { be_client(clients, visitor, visit); }};
  be_server(stream, context, policy, visit);
  reactor.run();
  client.join();
  return visit;
}

}  // namespace sidelock
