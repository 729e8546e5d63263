// One client's connection: wait for the ClientHello, shake hands, then read and write plain text without suspending;
// or, where a port lets clients in that do not speak TLS, hand their bytes on as they are. Built on a Socket and the
// worker's Buffers, both of which outlive it. One thread.
#pragma once

#include <cstdint>
#include <ctime>
#include <optional>
#include <string>
#include <string_view>

#include "io/task.h"
#include "tls/context.h"
#include "tls/transport.h"

namespace sidelock {

enum class Hello {
  kWhole,
  kTooLong,
  kPlaintext,
  kClosed,  // ended, reset or aborted before that
};

enum class Handshake {
  kDone,
  kClosed,  // the client ended or reset the connection, or the socket was aborted (a time limit)
  kFailed,  // refused by us or by the client with an alert: see failure()
  kNoApplicationProtocol,
  kUnknownName,  // no credential for the server name, with --sni-strict
  kClientCertificateMissing,
  kClientCertificateInvalid,
  kClientNotAllowed,  // by the port's allow list
};

// How a read ended, beside the bytes it brought.
enum class ReadEnd {
  kMore,            // the window is full, there may be more at once
  kWouldBlock,      // await socket().readable()
  kCleanEnd,        // close_notify; without TLS, the end of the TCP stream
  kBareEnd,         // a TCP end on a record boundary, without close_notify
  kTruncated,       // a TCP end inside a record
  kReset,           // ECONNRESET and its like
  kAborted,         // by Socket::abort()
  kRecordError,     // a forged or malformed record, an alert of the client's
  kKeyUpdateFlood,  // more handshake messages after the handshake than allowed
};

struct ReadResult {
  std::size_t bytes = 0;
  ReadEnd end = ReadEnd::kWouldBlock;
};

// What a finished handshake agreed on; the text from the client is untrusted.
struct TlsFacts {
  std::string version;   // "1.3"
  std::string cipher;    // "TLS_AES_128_GCM_SHA256"
  std::string group;     // "x25519"
  std::string protocol;  // ALPN, empty when none
  std::string server_name;
  bool is_resumed = false;
  std::string openssl_cipher;           // OpenSSL's own name: "ECDHE-RSA-AES128-GCM-SHA256"
  bool has_client_certificate = false;  // one that was verified
  std::string client_subject;           // RFC 2253
  std::string client_common_name;       // the first
};

// What is counted of it: names that live as long as the connection, so that counting takes no memory.
struct TlsAgreement {
  std::string_view version;
  std::string_view cipher;
  std::string_view group;  // empty: none
  bool is_resumed = false;
};

class TlsStream {
 public:
  // `key_updates_per_second`: how many handshake messages the client may send after the handshake.
  TlsStream(Socket& socket, Buffers& buffers, std::uint32_t key_updates_per_second) noexcept;

  // Waits until a whole ClientHello has come. Consumes nothing but a preamble, and keeps no OpenSSL memory.
  task<Hello> hello(Preamble preamble);
  // The client has been told, in answer to its preamble, that TLS comes next: nothing else may.
  [[nodiscard]] bool has_promised_tls() const noexcept { return has_promised_tls_; }
  // The bytes that hello() saw, when they are not TLS: to tell what they are.
  [[nodiscard]] std::span<const std::byte> first_bytes() const noexcept { return transport_.unread(); }

  // Answers the ClientHello as the server, on a port with that policy, which outlives the stream: what a handshake
  // costs, all at once. Nothing: the rest depends on the client, go on with finish_handshake(). On kFailed the alert
  // has been handed to the socket already, here as there.
  std::optional<Handshake> begin_handshake(const TlsContext& context, const TlsPolicy& policy);
  task<Handshake> finish_handshake();
  // In place of both: from here on bytes are neither decrypted nor encrypted, those that hello() saw first.
  void pass_through();
  [[nodiscard]] bool is_passing_through() const noexcept { return is_passing_through_; }

  // Why the handshake or a read failed, for the log; may hold OpenSSL's words about untrusted input.
  [[nodiscard]] const std::string& failure() const noexcept { return failure_; }

  // Decrypts what has come into `into`, receiving at most `window` bytes of records. `into` holds at least
  // window + 20 KiB, so that nothing decrypted is left behind.
  ReadResult read(std::span<std::byte> into, std::size_t window);

  // Makes the bytes that hello() saw survive a wait of the caller.
  void park() { transport_.park(); }

  // Encrypts all of `from` and hands it to the socket; what the socket does not take is kept (has_output()), and goes
  // out with flush() once it is writable. False when the connection is broken.
  bool write(std::span<const std::byte> from);
  bool flush() { return transport_.flush(); }
  [[nodiscard]] bool has_output() const noexcept { return transport_.has_output(); }

  // Tells the client that no more bytes come: close_notify, flushed like written bytes; without TLS the caller's
  // shutdown_write() tells it alone.
  bool close_notify();
  // That has been handed to the kernel, with all bytes before it.
  [[nodiscard]] bool has_sent_close_notify() const noexcept { return is_closed_ && !has_output(); }

  [[nodiscard]] Socket& socket() const noexcept { return transport_.socket(); }
  [[nodiscard]] TlsFacts facts() const;
  // Only after a handshake that succeeded.
  [[nodiscard]] TlsAgreement agreement() const;

 private:
  static void on_message(int is_write, int version, int content_type, const void* bytes, std::size_t size, SSL* ssl,
                         void* self);
  task<bool> answer_preamble(char letter);
  ReadResult read_plain(std::span<std::byte> into, std::size_t window);
  std::optional<Handshake> go_on_with_handshake();
  Handshake judge_client();
  void send_ticket();
  ReadEnd classify_end(int ssl_result);
  void count_post_handshake_message(bool is_answered) noexcept;

  Transport transport_;  // before ssl_, which writes to it until its end
  SslPtr ssl_;
  std::string failure_;
  // Messages counted in the second that began at this turn of the clock.
  Clock::time_point counted_since_{};
  std::uint32_t counted_ = 0;
  std::uint32_t waiting_answers_ = 0;
  std::time_t session_end_ = 0;  // 0: with its ticket
  std::uint32_t key_updates_per_second_;
  bool has_promised_tls_ = false;
  bool is_established_ = false;
  bool is_passing_through_ = false;
  bool is_closed_ = false;  // close_notify() was called
  bool has_sent_ticket_ = false;
  bool is_flooded_ = false;
};

}  // namespace sidelock
