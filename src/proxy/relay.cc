// See relay.h.
#include "proxy/relay.h"

#include <algorithm>
#include <utility>

#include "base/on_exception.h"
#include "policy/truncation.h"
#include "proxy/window.h"

namespace sidelock {

Relay::Relay(TlsStream& client, Socket& app, Buffers& buffers, Progress& progress, SilenceWatch& silence_watch,
             const LimitSettings& limits, OnTruncation on_truncation, std::string introduction)
    : client_{client},
      app_{app},
      buffers_{buffers},
      progress_{progress},
      silence_watch_{silence_watch},
      limits_{limits},
      on_truncation_{on_truncation},
      introduction_{std::move(introduction)} {}

task<Outcome> Relay::run() {
  note_activity();
  arm_limit();
  task<> upload = client_to_app();
  task<> download = app_to_client();
  co_await Join{upload, download};
  cancel();
  upload.result();
  download.result();
  if (is_ended_cleanly_) {
    client_.close_notify();
    client_.socket().shutdown_write();
    app_.shutdown_write();
  }
  if (failure_) co_return *failure_;
  co_return was_client_end_bare_ ? Outcome::kClientClosedBare : Outcome::kOk;
}

// When memory is short and one pump is left by an exception, the other one shall not go on alone, and neither peer
// shall take it for an end.
void Relay::end_both() { end(Outcome::kInternal, false); }

task<> Relay::client_to_app() {
  const OnException when_it_fails{[this] { end_both(); }};
  Window window{buffers_};
  KeptBytes kept{buffers_};
  const std::span<std::byte> plain = buffers_.plain();
  std::ranges::copy(std::as_bytes(std::span{introduction_}), plain.begin());
  std::size_t ahead = std::exchange(introduction_, {}).size();
  while (!is_ended_cleanly_) {
    const ReadResult got = client_.read(plain.subspan(ahead), window.size());
    const std::span<const std::byte> bytes = plain.first(std::exchange(ahead, 0) + got.bytes);
    if (got.bytes > 0) {
      progress_.note_received(got.bytes);
      note_activity();
    }
    if (!bytes.empty()) {
      const IoResult sent = app_.write(bytes);
      if (sent.state == Io::kError) break;  // the app is gone: its own stream tells how
      progress_.counters->sent_to_app.add(sent.bytes);
      window.learn(got.bytes, sent.bytes == bytes.size());
      kept.append(bytes.subspan(sent.bytes));
      is_delivering_ = true;
      while (!kept.empty()) {
        co_await app_.writable();
        const IoResult more = app_.write(kept.bytes());
        if (more.state == Io::kError) break;
        if (more.bytes > 0) note_activity();
        progress_.counters->sent_to_app.add(more.bytes);
        kept.drop_front(more.bytes);
      }
      is_delivering_ = false;
      if (!kept.empty()) break;
    }
    if (got.end == ReadEnd::kMore) {
      co_await client_.socket().reactor().yield();
    } else if (got.end == ReadEnd::kWouldBlock) {
      // What OpenSSL had to answer (a KeyUpdate) goes out before more questions are read.
      while (client_.has_output() && !is_flushing_ && !client_.socket().is_aborted()) {
        co_await client_.socket().writable();
        if (!client_.flush()) break;
      }
      co_await client_.socket().readable();
    } else {
      client_ended(got.end);
      co_return;
    }
  }
  if (is_ended_cleanly_) co_return;
  // A write failed. Once the app has ended its own stream, nobody else will notice.
  if (has_app_ended_) fail(Outcome::kAppReset);
}

task<> Relay::app_to_client() {
  const OnException when_it_fails{[this] { end_both(); }};
  Window window{buffers_};
  for (;;) {
    co_await app_.readable();
    if (is_ended_cleanly_) co_return;
    const IoResult got = app_.read(buffers_.plain().first(window.size()));
    if (got.state == Io::kWouldBlock) continue;
    if (got.state == Io::kError) {
      if (!app_.is_aborted()) fail(Outcome::kAppReset);
      co_return;
    }
    bool is_alive = true;
    if (got.state == Io::kEnd) {
      has_app_ended_ = true;
      is_alive = client_.close_notify();
    } else {
      progress_.note_sent(got.bytes);
      note_activity();
      is_alive = client_.write(buffers_.plain().first(got.bytes));
      if (is_alive) progress_.counters->sent_to_client.add(got.bytes);
      window.learn(got.bytes, !client_.has_output());
    }
    is_flushing_ = true;
    while (is_alive && client_.has_output()) {
      co_await client_.socket().writable();
      is_alive = client_.flush();
      note_activity();
    }
    is_flushing_ = false;
    if (got.state == Io::kEnd && (is_alive || has_client_ended_)) {
      app_ended();  // both ends are known: a client that is gone by now has missed nothing
      co_return;
    }
    if (!is_alive) {
      // The client is gone. Its own stream tells how, unless that has ended before.
      if (has_client_ended_) fail(Outcome::kClientReset);
      // Nothing is wrong with the connection: the client has left a message unfinished, which OpenSSL will not write
      // into.
      const Socket& socket = client_.socket();
      if (socket.error() == 0 && !socket.is_aborted()) fail(Outcome::kRecordError);
      co_return;
    }
    if (got.bytes >= window.size()) co_await app_.reactor().yield();
  }
}

void Relay::client_ended(ReadEnd end) {
  has_client_ended_ = true;
  switch (end) {
    case ReadEnd::kCleanEnd: break;
    case ReadEnd::kBareEnd: {
      const std::string& protocol = client_.facts().protocol;
      const StreamSoFar stream{has_app_ended_, progress_.received_bytes > 0, progress_.did_app_send_last, protocol};
      if (!is_bare_end_clean(on_truncation_, stream)) return fail(Outcome::kClientTruncated);
      was_client_end_bare_ = true;
      break;
    }
    case ReadEnd::kReset:
      // wget, Python and others reset once they have read the answer's end: everybody has got everything.
      if (!client_.has_sent_close_notify()) return fail(Outcome::kClientReset);
      break;
    case ReadEnd::kTruncated: return fail(Outcome::kClientTruncated);
    case ReadEnd::kKeyUpdateFlood: return fail(Outcome::kKeyUpdateFlood);
    case ReadEnd::kRecordError: return fail(Outcome::kRecordError);
    case ReadEnd::kAborted:
    case ReadEnd::kMore:
    case ReadEnd::kWouldBlock: return;
  }
  app_.shutdown_write();
  note_activity();
}

void Relay::app_ended() {
  client_.socket().shutdown_write();
  note_activity();
  arm_limit();
}

// The failing pump has delivered what it had. The other one has nobody left to serve: aborting both sockets ends it.
void Relay::fail(Outcome outcome) {
  if (!failure_) failure_ = outcome;
  client_.socket().abort(ECANCELED);
  app_.abort(ECANCELED);
}

void Relay::end(Outcome outcome, bool is_clean) {
  if (!is_clean) return fail(outcome);
  failure_ = outcome;
  is_ended_cleanly_ = true;
  client_.socket().interrupt();
  app_.interrupt();
}

bool Relay::look_after() {
  const auto limit = silence_watch_.limit();
  if (client_.socket().is_peer_silent(limit)) fail(Outcome::kClientReset);
  if (app_.is_peer_silent(limit)) fail(Outcome::kAppReset);
  return unacknowledged() > 0;
}

bool Relay::is_quiet_since(Clock::time_point time) const {
  return progress_.last_activity <= time && !is_flushing_ && !is_delivering_ && unacknowledged() == 0;
}

void Relay::note_activity() {
  progress_.last_activity = client_.socket().reactor().now();
  silence_watch_.note_activity(progress_.last_activity);
}

// Time limits look at the clock only when they would expire: a byte moved costs no timer operation.
void Relay::arm_limit() {
  if (limit() > Clock::duration::zero()) {
    app_.reactor().timers().arm(*this, progress_.last_activity + limit());
  } else {
    cancel();
  }
}

Clock::duration Relay::limit() const noexcept {
  if (!has_app_ended_ || limits_.close_timeout == Clock::duration::zero()) return limits_.idle_timeout;
  if (limits_.idle_timeout == Clock::duration::zero()) return limits_.close_timeout;
  return std::min(limits_.idle_timeout, limits_.close_timeout);
}

void Relay::on_expiry() {
  const Clock::time_point now = app_.reactor().now();
  // The kernel still hands over what we gave it: data that flows is never cut.
  const std::size_t in_flight = unacknowledged();
  if (in_flight != unacknowledged_at_last_look_) {
    unacknowledged_at_last_look_ = in_flight;
    note_activity();
  }
  if (now < progress_.last_activity + limit()) return arm_limit();
  fail(has_app_ended_ ? Outcome::kCloseTimeout : Outcome::kIdleTimeout);
}

std::size_t Relay::unacknowledged() const noexcept { return client_.socket().unacknowledged() + app_.unacknowledged(); }

}  // namespace sidelock
