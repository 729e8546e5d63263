// A TlsStream and a libssl client in one thread, with the test in between: it carries the client's bytes in pieces of
// its choice over a real socket, and may speak in the client's name.
#pragma once

#include <array>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <sys/socket.h>

#include "tls/context.h"
#include "tls/stream.h"
#include "unit/tls/tls_client.h"

namespace sidelock {

// A server with a certificate of its own.
struct TestSite {
  explicit TestSite(bool is_record_layer_native) { settings.is_record_layer_native = is_record_layer_native; }

  [[nodiscard]] const TlsContext& context() {
    if (!made) made.emplace(settings, files ? *files : load_tls_files(settings), keys);
    return *made;
  }

  TlsSettings settings = [] {
    TlsSettings wanted;
    wanted.self_signed = "localhost";
    return wanted;
  }();
  std::optional<TlsFiles> files;
  TlsPolicy policy;
  std::uint32_t key_updates_per_second = 100;
  std::shared_ptr<TicketKeys> keys = std::make_shared<TicketKeys>();
  std::optional<TlsContext> made;
};

class Conversation {
 public:
  // With SOCK_SEQPACKET for `type` the server receives each piece alone, as if the next had come a moment later; its
  // window is to hold the piece.
  explicit Conversation(TestSite& site, const TlsClient::Terms& terms = {}, int type = SOCK_STREAM);
  ~Conversation();
  Conversation(const Conversation&) = delete;
  Conversation& operator=(const Conversation&) = delete;

  // `early`: what the client says at once behind its Finished, in the same piece, of which the last `held_back` bytes
  // on the wire are left to the test (see held()).
  bool shake_hands(std::string_view early = {}, std::size_t held_back = 0);
  [[nodiscard]] const std::string& held() const { return held_; }

  void send(std::string_view wire);  // to the server, in one piece
  void send_client();                // what the client has to say
  std::string receive();             // gives the client what the server has sent, and reads it
  std::string receive_wire();        // what the server has sent, as it is
  void end_client();                 // the end of the client's stream
  void reset_client();

  // What the server has for the app: reads until there is no more. Then `end` says why.
  std::string hear(std::size_t window = Buffers::kSmallestWindow);
  ReadEnd end = ReadEnd::kWouldBlock;
  bool say(std::string_view text);  // the app's answer

  TlsClient client;
  std::optional<Handshake> handshake;

 private:
  Detached serve();
  Detached wait_for_room();
  void turn();  // of the server's reactor

  TestSite& site_;
  Reactor reactor_;
  Buffers buffers_;
  Fd wire_;  // the client's end
  std::optional<Socket> socket_;
  std::string held_;

 public:
  std::optional<TlsStream> stream;  // before the socket ends
};

}  // namespace sidelock
