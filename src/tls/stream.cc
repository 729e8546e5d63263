// See stream.h.
#include "tls/stream.h"

#include <utility>

#include <openssl/err.h>

#include "base/on_exception.h"
#include "tls/client_gate.h"
#include "tls/client_hello.h"
#include "tls/error.h"
#include "tls/memory.h"
#include "tls/postgres_request.h"
#include "tls/record_layer.h"

namespace sidelock {

TlsStream::TlsStream(Socket& socket, Buffers& buffers, std::uint32_t key_updates_per_second) noexcept
    : transport_{socket, buffers}, message_limit_{key_updates_per_second} {}

TlsStream::~TlsStream() { end_ssl(); }

// OpenSSL wipes keys, but not the secrets that they are made of.
void TlsStream::end_ssl() noexcept {
  wipe_when_freed(ssl_.get());
  ssl_.reset();
}

task<Hello> TlsStream::hello(Preamble preamble) {
  bool has_declined_gss = false;
  for (;;) {
    const bool may_ask = preamble == Preamble::kPostgres && !has_promised_tls_;
    const PostgresRequest request = may_ask ? inspect_postgres_request(transport_.unread()) : PostgresRequest::kNone;
    // Each is answered once: a client that goes on asking is not on its way to TLS.
    const bool is_for_gss = request == PostgresRequest::kGss && !std::exchange(has_declined_gss, true);
    if (is_for_gss || request == PostgresRequest::kTls) {
      has_promised_tls_ = !is_for_gss;
      const bool is_alive = co_await answer_preamble(is_for_gss ? 'N' : 'S');
      if (!is_alive) co_return Hello::kClosed;
      continue;
    }
    const HelloState state = inspect_client_hello(transport_.unread());
    if (state == HelloState::kWhole) co_return Hello::kWhole;
    if (state == HelloState::kTooLong) {
      failure_ = "the ClientHello is longer than 16 KiB";
      co_return Hello::kTooLong;
    }
    if (state == HelloState::kPlaintext && request != PostgresRequest::kIncomplete) co_return Hello::kPlaintext;
    const IoResult received = transport_.receive(kLongestClientHello);
    if (received.state == Io::kDone) continue;
    if (received.state != Io::kWouldBlock) co_return Hello::kClosed;
    co_await socket().readable();
  }
}

namespace {

// An exception ends the connection, but not at once: what it has gathered is not to wait for the next one in the
// worker's buffer.
auto leaving_nothing_in(Transport& transport) {
  return OnException{[&transport] { transport.take_gathered(); }};
}

// What the oldest error of a failed handshake says.
Handshake failed_handshake(unsigned long error) {
  switch (own_error(error)) {
    case OwnError::kUnknownName: return Handshake::kUnknownName;
    case OwnError::kClientInvalid: return Handshake::kClientCertificateInvalid;
    case OwnError::kClientNotAllowed: return Handshake::kClientNotAllowed;
    case OwnError::kNone: break;
  }
  if (ERR_GET_LIB(error) != ERR_LIB_SSL) return Handshake::kFailed;
  switch (ERR_GET_REASON(error)) {
    case SSL_R_NO_APPLICATION_PROTOCOL: return Handshake::kNoApplicationProtocol;
    case SSL_R_PEER_DID_NOT_RETURN_A_CERTIFICATE: return Handshake::kClientCertificateMissing;
    default: return Handshake::kFailed;
  }
}

}  // namespace

task<bool> TlsStream::answer_preamble(char letter) {
  transport_.drop(kPostgresRequestSize);
  transport_.park();
  const std::byte answer{static_cast<unsigned char>(letter)};
  transport_.gather({&answer, 1});
  bool is_alive = transport_.flush();
  while (is_alive && transport_.has_output()) {
    co_await socket().writable();
    is_alive = transport_.flush();
  }
  co_return is_alive;
}

std::optional<Handshake> TlsStream::begin_handshake(const TlsContext& context, const TlsPolicy& policy) {
  ssl_ = context.make_ssl(policy);
  BIO* const bio = transport_.make_bio();
  ::SSL_set_bio(ssl_.get(), bio, bio);
  ::SSL_set_accept_state(ssl_.get());
  ::SSL_set_msg_callback(ssl_.get(), on_message);
  ::SSL_set_msg_callback_arg(ssl_.get(), this);
  if (context.is_record_layer_native()) secrets_ = std::make_unique<TrafficSecrets>();
  return go_on_with_handshake();
}

task<Handshake> TlsStream::finish_handshake() {
  for (;;) {
    while (transport_.has_output()) {
      co_await socket().writable();
      if (!transport_.flush()) co_return Handshake::kClosed;
    }
    co_await socket().readable();
    if (const std::optional<Handshake> end = go_on_with_handshake()) co_return *end;
  }
}

// As far as it goes with what has come.
std::optional<Handshake> TlsStream::go_on_with_handshake() {
  const auto when_it_fails = leaving_nothing_in(transport_);
  transport_.allow_receive(Buffers::kSmallestWindow);
  forget_openssl_errors();
  const int result = [this] {
    const SecretTap tap{secrets_.get()};
    return ::SSL_do_handshake(ssl_.get());
  }();
  const int error = result == 1 ? SSL_ERROR_NONE : ::SSL_get_error(ssl_.get(), result);
  const unsigned long reason = ::ERR_peek_error();
  const bool is_alive = transport_.flush();
  transport_.park();
  is_established_ = error == SSL_ERROR_NONE;
  if (is_established_) {
    facts_ = std::make_unique<const TlsFacts>(facts_of(ssl_.get()));
    // Under TLS 1.3, and when a session is resumed under 1.2, the client speaks last. If it uses Nagle's algorithm, its
    // first small request waits for that to be acknowledged, and we send nothing before the app answers.
    const bool has_client_spoken_last = ::SSL_version(ssl_.get()) == TLS1_3_VERSION || ::SSL_session_reused(ssl_.get());
    if (transport_.unread().empty() && has_client_spoken_last) socket().acknowledge_now();
    return is_alive ? judge_client() : Handshake::kClosed;
  }
  if (error != SSL_ERROR_WANT_READ) {
    failure_ = take_openssl_error();
    return failed_handshake(reason);
  }
  if (!is_alive || transport_.is_at_end() || socket().error() != 0) return Handshake::kClosed;
  return std::nullopt;
}

void TlsStream::pass_through() {
  is_passing_through_ = true;
  transport_.park();
}

ReadResult TlsStream::read_plain(std::span<std::byte> into, std::size_t window) {
  // What hello() saw fits: a window is never smaller.
  if (!transport_.unread().empty()) return {transport_.take(into), ReadEnd::kMore};
  const IoResult got = socket().read(into.first(std::min(window, into.size())));
  switch (got.state) {
    case Io::kDone: return {got.bytes, socket().may_read() ? ReadEnd::kMore : ReadEnd::kWouldBlock};
    case Io::kWouldBlock: return {0, ReadEnd::kWouldBlock};
    case Io::kEnd: return {0, ReadEnd::kCleanEnd};
    case Io::kError: break;
  }
  return {0, socket().is_aborted() ? ReadEnd::kAborted : ReadEnd::kReset};
}

// OpenSSL has verified what was sent in this handshake; whether the client may connect is asked here once more for all,
// resumed sessions included, before anybody sees a byte of its.
Handshake TlsStream::judge_client() {
  ClientJudgement judgement = sidelock::judge_client(ssl_.get());
  if (judgement.verdict == ClientVerdict::kAllowed) {
    session_end_ = session_end(ssl_.get());
    hand_over();
    return Handshake::kDone;
  }
  failure_ = std::move(judgement.reason);
  deny_access(ssl_.get(), judgement.verdict);
  transport_.flush();
  switch (judgement.verdict) {
    case ClientVerdict::kMissing: return Handshake::kClientCertificateMissing;
    case ClientVerdict::kInvalid: return Handshake::kClientCertificateInvalid;
    default: return Handshake::kClientNotAllowed;
  }
}

// From here on without the SSL object, where that is wanted and can be.
void TlsStream::hand_over() {
  const std::unique_ptr<TrafficSecrets> secrets = std::move(secrets_);
  if (!secrets) return;
  auto inheritance = inherit(ssl_.get(), *secrets, transport_, limit_session(ssl_.get(), session_end_));
  if (!inheritance) return;
  records_ = std::make_unique<RecordLayer>(transport_, std::move(*inheritance), message_limit_);
  end_ssl();
}

ReadResult TlsStream::read_records(std::span<std::byte> into, std::size_t window) {
  const ReadResult result = records_->read(into, window);
  if (result.end == ReadEnd::kRecordError) failure_ = records_->failure();
  // We may have answered: a KeyUpdate, an alert. A broken connection shows in the next read.
  transport_.flush();
  transport_.park();
  return result;
}

ReadResult TlsStream::read(std::span<std::byte> into, std::size_t window) {
  if (is_passing_through_) return read_plain(into, window);
  const auto when_it_fails = leaving_nothing_in(transport_);
  if (records_) return read_records(into, window);
  transport_.allow_receive(window);
  ReadResult result;
  while (result.bytes < into.size()) {
    std::size_t count = 0;
    forget_openssl_errors();
    const int status = ::SSL_read_ex(ssl_.get(), into.data() + result.bytes, into.size() - result.bytes, &count);
    if (is_flooded_) {
      result.end = ReadEnd::kKeyUpdateFlood;
      break;
    }
    if (status != 1) {
      result.end = classify_end(status);
      break;
    }
    result.bytes += count;
    // Asking OpenSSL once more, only to hear that there is nothing, costs a tenth of a request.
    if (transport_.unread().empty() && ::SSL_has_pending(ssl_.get()) == 0) {
      result.end = socket().may_read() ? ReadEnd::kMore : ReadEnd::kWouldBlock;
      break;
    }
    result.end = ReadEnd::kMore;
  }
  transport_.flush();
  transport_.park();
  return result;
}

ReadEnd TlsStream::classify_end(int ssl_result) {
  const int error = ::SSL_get_error(ssl_.get(), ssl_result);
  if (socket().is_aborted()) return ReadEnd::kAborted;
  if (error == SSL_ERROR_ZERO_RETURN) return ReadEnd::kCleanEnd;
  if (error != SSL_ERROR_WANT_READ) {
    failure_ = take_openssl_error();
    return ReadEnd::kRecordError;
  }
  if (transport_.is_held_back()) return ReadEnd::kMore;
  if (transport_.is_at_end()) return transport_.is_inside_record() ? ReadEnd::kTruncated : ReadEnd::kBareEnd;
  return socket().error() != 0 ? ReadEnd::kReset : ReadEnd::kWouldBlock;
}

// One ticket for each connection, in the segment of the first bytes: a segment of its own would cost more than it, and
// who never gets a byte needs none. A client that wants to resume in parallel can open its first connections in full.
// Refused under TLS 1.2, where the handshake has brought it.
void TlsStream::send_ticket() {
  if (limit_session(ssl_.get(), session_end_)) ::SSL_new_session_ticket(ssl_.get());
}

bool TlsStream::write(std::span<const std::byte> from) {
  if (is_passing_through_) {
    transport_.gather(from);
    return transport_.flush();
  }
  const auto when_it_fails = leaving_nothing_in(transport_);
  if (records_) {
    const bool is_whole = records_->write(from);
    return transport_.flush() && is_whole;
  }
  forget_openssl_errors();
  std::size_t count = 0;
  const bool is_first = !from.empty() && !std::exchange(has_sent_ticket_, true);
  if (is_first) send_ticket();
  // The transport takes everything, so a write is always whole; it fails only when the connection has failed before.
  if (!from.empty() && ::SSL_write_ex(ssl_.get(), from.data(), from.size(), &count) != 1) {
    transport_.flush();
    return false;
  }
  // For a ticket OpenSSL takes a buffer to read into as well, 16 KiB, and would keep it until something comes.
  if (is_first) ::SSL_free_buffers(ssl_.get());
  return transport_.flush();
}

bool TlsStream::close_notify() {
  const auto when_it_fails = leaving_nothing_in(transport_);
  if (records_) {
    records_->close_notify();
  } else if (!is_passing_through_) {
    forget_openssl_errors();
    ::SSL_shutdown(ssl_.get());
    forget_openssl_errors();
  }
  is_closed_ = transport_.flush();
  // Without TLS there was nothing to send; a client that is gone already is to be noticed all the same.
  if (is_passing_through_ && is_closed_) is_closed_ = transport_.socket().write({}).state != Io::kError;
  return is_closed_;
}

const TlsFacts& TlsStream::facts() const {
  static const TlsFacts kNone;
  return facts_ ? *facts_ : kNone;
}

// SSL_set_msg_callback(3).
void TlsStream::on_message(int is_write, int /*version*/, int content_type, const void* bytes, std::size_t size,
                           SSL* /*ssl*/, void* self) {
  auto* const stream = static_cast<TlsStream*>(self);
  if (is_write != 0 || content_type != SSL3_RT_HANDSHAKE || size == 0) return;
  // SSL_is_init_finished() is of no use here: while such a message is worked on, it says no.
  if (!stream->is_established_) return;
  const auto* const message = static_cast<const unsigned char*>(bytes);
  // RFC 8446, 4.6.3: the type, three bytes of length, update_requested.
  const bool is_answered = size < 5 || message[0] != SSL3_MT_KEY_UPDATE || message[4] == SSL_KEY_UPDATE_REQUESTED;
  const Clock::time_point now = stream->socket().reactor().now();
  if (stream->message_limit_.count(now, is_answered, stream->has_output())) return;
  stream->is_flooded_ = true;
  stream->transport_.stop_input();
}

}  // namespace sidelock
