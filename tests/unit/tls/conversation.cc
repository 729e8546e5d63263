// See conversation.h.
#include "unit/tls/conversation.h"

#include <fcntl.h>
#include <sys/socket.h>

namespace sidelock {

Conversation::Conversation(TestSite& site, const TlsClient::Terms& terms, int type) : client{terms}, site_{site} {
  std::array<int, 2> sockets{};
  check(::socketpair(AF_UNIX, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, sockets.data()), "make a socket pair");
  wire_.reset(sockets[1]);
  socket_.emplace(Fd{sockets[0]}, reactor_);
  stream.emplace(*socket_, buffers_, site.key_updates_per_second);
}

// A handshake that waits ends, and frees itself.
Conversation::~Conversation() {
  socket_->abort(ECONNABORTED);
  turn();
}

Detached Conversation::serve() {
  const Hello hello = co_await stream->hello(Preamble::kNone);
  if (hello != Hello::kWhole) co_return;
  handshake = stream->begin_handshake(site_.context(), site_.policy);
  if (!handshake) handshake = co_await stream->finish_handshake();
}

// The reactor looks for room only when somebody waits for it.
Detached Conversation::wait_for_room() { co_await socket_->writable(); }

void Conversation::turn() {
  reactor_.stop();
  reactor_.run();
}

bool Conversation::shake_hands(std::string_view early, std::size_t held_back) {
  serve();
  for (int step = 0; step < 6 && !handshake; ++step) {
    if (client.shake()) client.write(early);
    std::string wire = client.take();
    const std::size_t held = ::SSL_is_init_finished(client.ssl()) != 0 ? held_back : 0;
    held_ = wire.substr(wire.size() - held);
    wire.resize(wire.size() - held);
    send(wire);
    client.give(receive_wire());
  }
  client.shake();
  return handshake == Handshake::kDone;
}

void Conversation::send(std::string_view wire) {
  while (!wire.empty()) {
    const ssize_t sent = ::send(wire_.get(), wire.data(), wire.size(), MSG_NOSIGNAL);
    if (sent < 0) break;
    wire.remove_prefix(static_cast<std::size_t>(sent));
  }
  turn();
}

void Conversation::send_client() { send(client.take()); }

std::string Conversation::receive_wire() {
  std::string all;
  std::array<char, 65536> part{};
  for (;;) {
    const ssize_t size = ::recv(wire_.get(), part.data(), part.size(), 0);
    if (size <= 0) return all;
    all.append(part.data(), static_cast<std::size_t>(size));
  }
}

std::string Conversation::receive() {
  std::string read;
  for (;;) {
    const std::string wire = receive_wire();
    client.give(wire);
    read += client.read();
    if (!stream->has_output()) return read;
    wait_for_room();
    turn();
    if (!stream->flush()) return read;
  }
}

void Conversation::end_client() {
  ::shutdown(wire_.get(), SHUT_WR);
  turn();
}

// The kernel resets a connection of which an end is closed with something unread.
void Conversation::reset_client() {
  say("unread");
  wire_.reset();
  turn();
}

std::string Conversation::hear(std::size_t window) {
  std::vector<std::byte> plain(Buffers::kPlain);
  std::string heard;
  turn();
  do {
    const ReadResult result = stream->read(plain, window);
    heard.append(reinterpret_cast<const char*>(plain.data()), result.bytes);
    end = result.end;
  } while (end == ReadEnd::kMore);
  return heard;
}

bool Conversation::say(std::string_view text) { return stream->write(std::as_bytes(std::span{text})); }

}  // namespace sidelock
