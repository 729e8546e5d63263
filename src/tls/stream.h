// One client's connection: wait for the ClientHello, shake hands, then read and write plain text without suspending;
// or, where a port lets clients in that do not speak TLS, hand their bytes on as they are. Built on a Socket and the
// worker's Buffers, both of which outlive it. One thread.
#pragma once

#include <cstdint>
#include <ctime>
#include <memory>
#include <optional>
#include <string>

#include "io/task.h"
#include "tls/context.h"
#include "tls/facts.h"
#include "tls/key_schedule.h"
#include "tls/message_limit.h"
#include "tls/read_result.h"
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

class RecordLayer;

class TlsStream {
 public:
  // `key_updates_per_second`: how many handshake messages the client may send after the handshake.
  TlsStream(Socket& socket, Buffers& buffers, std::uint32_t key_updates_per_second) noexcept;
  ~TlsStream();

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
  // Empty before a handshake that succeeded.
  [[nodiscard]] const TlsFacts& facts() const;

 private:
  static void on_message(int is_write, int version, int content_type, const void* bytes, std::size_t size, SSL* ssl,
                         void* self);
  task<bool> answer_preamble(char letter);
  ReadResult read_plain(std::span<std::byte> into, std::size_t window);
  std::optional<Handshake> go_on_with_handshake();
  Handshake judge_client();
  void send_ticket();
  void hand_over();
  void end_ssl() noexcept;
  ReadResult read_records(std::span<std::byte> into, std::size_t window);
  ReadEnd classify_end(int ssl_result);

  Transport transport_;  // before ssl_ and records_, which write to it until their end
  SslPtr ssl_;           // with the whole connection, or with its handshake alone: then records_ go on
  std::unique_ptr<TrafficSecrets> secrets_;  // while ssl_ is to be followed by records_
  std::unique_ptr<RecordLayer> records_;
  std::unique_ptr<const TlsFacts> facts_;
  std::string failure_;
  MessageLimit message_limit_;
  std::time_t session_end_ = 0;  // 0: with its ticket
  bool has_promised_tls_ = false;
  bool is_established_ = false;
  bool is_passing_through_ = false;
  bool is_closed_ = false;  // close_notify() was called, and the client was there
  bool has_sent_ticket_ = false;
  bool is_flooded_ = false;
};

}  // namespace sidelock
