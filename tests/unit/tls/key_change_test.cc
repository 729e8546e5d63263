// Keys of ours that are used up, and how many new ones a client may want.
#include <array>
#include <optional>

#include <gtest/gtest.h>
#include <sys/socket.h>

#include "tls/message_limit.h"
#include "tls/record_layer.h"
#include "unit/tls/tls_client.h"

namespace sidelock {
namespace {

// A RecordLayer alone: the client has shaken hands with libssl, and with what came of it sidelock goes on.
class Successor {
 public:
  explicit Successor(std::uint64_t records_of_one_key) {
    SSL_CTX* const context = credential_.get();
    const TestPair pair = make_authority("localhost");
    ::SSL_CTX_use_certificate(context, pair.certificate.get());
    ::SSL_CTX_use_PrivateKey(context, pair.key.get());
    ::SSL_CTX_set_num_tickets(context, 0);
    const SslPtr server{::SSL_new(context)};
    BIO* const in = ::BIO_new(::BIO_s_mem());
    BIO* const out = ::BIO_new(::BIO_s_mem());
    ::SSL_set_bio(server.get(), in, out);
    ::SSL_set_accept_state(server.get());
    for (int step = 0; step < 3; ++step) {
      client.shake();
      const std::string wire = client.take();
      ::BIO_write(in, wire.data(), static_cast<int>(wire.size()));
      ::SSL_do_handshake(server.get());
      std::string answer(::BIO_ctrl_pending(out), '\0');
      if (!answer.empty()) ::BIO_read(out, answer.data(), static_cast<int>(answer.size()));
      client.give(answer);
    }
    std::array<int, 2> sockets{};
    check(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, sockets.data()), "make a socket pair");
    wire_.reset(sockets[1]);
    socket_.emplace(Fd{sockets[0]}, reactor_);
    transport_.emplace(*socket_, buffers_);
    const TrafficSecrets secrets{{}, secret_of(client.client_secret), secret_of(client.server_secret)};
    records_.emplace(*transport_, Inheritance{suite_of(client.suite()).value(), secrets, {}, 0}, MessageLimit{100},
                     records_of_one_key);
  }

  std::string say(std::string_view text) {
    EXPECT_TRUE(records_->write(std::as_bytes(std::span{text})));
    EXPECT_TRUE(transport_->flush());
    std::string wire(std::size_t{1} << 18U, '\0');
    const ssize_t size = ::recv(wire_.get(), wire.data(), wire.size(), 0);
    client.give(std::string_view{wire}.substr(0, size < 0 ? 0 : static_cast<std::size_t>(size)));
    return client.read();
  }

  TlsClient client{{}};

 private:
  static TrafficSecret secret_of(const std::string& bytes) {
    return TrafficSecret{{reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size()}};
  }

  SslContextPtr credential_{::SSL_CTX_new_ex(nullptr, kOpenssls, ::TLS_server_method())};
  Reactor reactor_;
  Buffers buffers_;
  Fd wire_;
  std::optional<Socket> socket_;
  std::optional<Transport> transport_;
  std::optional<RecordLayer> records_;
};

TEST(RecordLayer, ChangesItsKeyAfterSoManyRecordsAndTheClientFollows) {
  for (const std::uint64_t records_of_one_key : {1U, 2U, 3U, 10U}) {
    Successor successor{records_of_one_key};
    for (int i = 0; i < 30; ++i) EXPECT_EQ(successor.say("text"), "text");
    // The KeyUpdate itself is the last record of its key, and one more than counted.
    EXPECT_EQ(successor.client.key_updates, static_cast<int>(29 / records_of_one_key));
    const std::string text(100000, 'x');  // seven records
    EXPECT_TRUE(successor.say(text) == text);
    EXPECT_EQ(successor.client.key_updates, static_cast<int>(36 / records_of_one_key));
    EXPECT_EQ(successor.client.read_error, "");
  }
}

TEST(RecordLayer, KeepsItsKeyForAsLongAsTheSuiteAllows) {
  Successor successor{RecordLayer::kRecordsOfOneKey};
  for (int i = 0; i < 100; ++i) EXPECT_EQ(successor.say("text"), "text");
  EXPECT_EQ(successor.client.key_updates, 0);
}

TEST(MessageLimit, IsOfASecond) {
  MessageLimit limit{2};
  const Clock::time_point begin = Clock::now();
  for (int second = 0; second < 3; ++second) {
    const Clock::time_point now = begin + std::chrono::seconds{second};
    EXPECT_TRUE(limit.count(now, true, false));
    EXPECT_TRUE(limit.count(now + std::chrono::milliseconds{500}, false, false));
    EXPECT_FALSE(limit.count(now + std::chrono::milliseconds{999}, false, false));
  }
}

TEST(MessageLimit, IsOfAllTimeForAnswersThatNobodyTakes) {
  MessageLimit limit{2};
  const Clock::time_point begin = Clock::now();
  EXPECT_TRUE(limit.count(begin, true, true));
  EXPECT_TRUE(limit.count(begin + std::chrono::seconds{10}, true, true));
  EXPECT_TRUE(limit.count(begin + std::chrono::seconds{20}, false, true)) << "no answer";
  EXPECT_FALSE(limit.count(begin + std::chrono::seconds{30}, true, true));
  EXPECT_TRUE(limit.count(begin + std::chrono::seconds{40}, true, false)) << "all taken";
}

}  // namespace
}  // namespace sidelock
