// See connection.h.
#include "proxy/connection.h"

#include <cstring>
#include <exception>

#include "base/log.h"
#include "base/on_exception.h"
#include "io/deadline.h"
#include "policy/destination.h"
#include "policy/upstream_address.h"
#include "proxy/access_log.h"
#include "proxy/advice.h"
#include "proxy/conclude.h"
#include "proxy/introduction.h"
#include "proxy/original_destination.h"
#include "proxy/relay.h"
#include "proxy/upstream.h"

namespace sidelock {

namespace {

using Refusal = std::optional<Outcome>;  // nothing: go on

Outcome outcome_of(Verdict verdict) {
  switch (verdict) {
    case Verdict::kNotConfigured: return Outcome::kNotConfigured;
    case Verdict::kForeignDestination: return Outcome::kForeignDestination;
    case Verdict::kLoop: return Outcome::kLoop;
    case Verdict::kServe:
    case Verdict::kProbe:
    case Verdict::kNotCaptured: break;
  }
  return Outcome::kNotCaptured;
}

// What a connection is to be counted in, given where it wanted to go.
PortCounters& counters_of(const Connection& connection) {
  Workplace& workplace = connection.workplace;
  const PortIndex& ports = workplace.port_index();
  return workplace.counters(connection.listener != nullptr ? ports.of_listener(*connection.listener)
                                                           : ports.of_captured(connection.destination.endpoint.port));
}

// True, and reported, when it is run's own probe.
bool take_probe(const Connection& connection) {
  if (connection.listener != nullptr || !connection.client.endpoint.address.is_loopback()) return false;
  const Workplace& workplace = connection.workplace;
  const CaptureMode mode = workplace.settings().capture.mode;
  const auto destination = captured_destination(mode, connection.client_socket.fd(), connection.client);
  if (!destination) return false;
  if (workplace.destination_policy().judge({connection.client, *destination}).verdict != Verdict::kProbe) return false;
  workplace.note_probe(connection.client);
  return true;
}

// Under --capture none. Somebody's NAT rule may have led our own connection back here: ask for what was dialled, too.
bool is_loop(Connection& connection) {
  Workplace& workplace = connection.workplace;
  if (!workplace.is_own_address(connection.client.endpoint.address)) return false;
  if (workplace.is_our_upstream(connection.client, connection.destination)) return true;
  const auto dialled = original_destination(connection.client_socket.fd(), connection.client);
  return dialled && workplace.is_our_upstream(connection.client, *dialled);
}

// Finds out where the client wanted to go, and whether it may.
Refusal find_policy(Connection& connection) {
  Workplace& workplace = connection.workplace;
  if (connection.listener != nullptr) {
    connection.destination = local_destination(connection.client_socket.fd());
    connection.policy = &connection.listener->policy;
    return is_loop(connection) ? Refusal{Outcome::kLoop} : std::nullopt;
  }
  const CaptureMode mode = workplace.settings().capture.mode;
  const auto destination = captured_destination(mode, connection.client_socket.fd(), connection.client);
  if (!destination) return Outcome::kNotCaptured;
  connection.destination = *destination;
  const Arrival arrival{connection.client, *destination, workplace.is_own_address(destination->endpoint.address),
                        workplace.is_our_upstream(connection.client, *destination)};
  const Judgement judgement = workplace.destination_policy().judge(arrival);
  connection.policy = judgement.policy;
  return judgement.verdict == Verdict::kServe ? Refusal{} : outcome_of(judgement.verdict);
}

std::string as_whom(const UpstreamSource& source) {
  if (source.preserve == PreserveSource::kOff) return "";
  if (source.is_preserved) return " from the client's address";
  return source.preserve == PreserveSource::kRequire ? " from the client's address, which cannot be kept," : "";
}

task<Refusal> reach_app(Connection& connection) {
  connection.app = upstream_address(*connection.policy, connection.destination);
  Workplace& workplace = connection.workplace;
  const UpstreamMark mark{workplace.upstream_connections(), connection.upstream_place};
  UpstreamSource source{connection.policy->preserve_source, connection.client};
  const Clock::time_point begun = Clock::now();
  auto socket =
      co_await connect_upstream(connection.app, source, workplace.reactor(), workplace.settings().limits, mark);
  if (source.preserve != PreserveSource::kOff) connection.is_source_preserved = source.is_preserved;
  if (!socket) {
    const UpstreamFailure& failure = socket.error();
    connection.progress.counters->note_connect_error(failure.error);
    connection.failure = "connecting to the app at " + connection.app.endpoint.to_string() + as_whom(source) +
                         " failed: " + std::strerror(failure.error);
    co_return failure.outcome;
  }
  connection.progress.counters->connect_duration.add(Clock::now() - begun);
  if (connection.is_source_preserved == false) connection.progress.counters->lost_sources.add();
  connection.app_socket.emplace(std::move(*socket));
  co_return Refusal{};
}

// The place is held for what costs the worker its time, our answer to the ClientHello, and until the open connections
// have had their turn; not while the client is waited for: those that stall would keep everybody else out.
task<Handshake> shake_in_turn(Connection& connection) {
  std::optional<Handshake> handshake;
  {
    const Slots::Place place{co_await connection.workplace.handshakes().take()};
    handshake = connection.tls.begin_handshake(*connection.workplace.tls_context(), connection.policy->tls);
    co_await connection.workplace.reactor().yield();
  }
  if (!handshake) handshake = co_await connection.tls.finish_handshake();
  co_return *handshake;
}

// Waits for the ClientHello, then for a place among the handshakes, then shakes hands; all within one time limit. Where
// --plaintext allows it, a client that begins otherwise needs no handshake.
task<Refusal> shake_hands(Connection& connection) {
  const Deadline deadline{connection.client_socket, connection.workplace.settings().limits.handshake_timeout};
  const auto refusal = [&](Outcome otherwise) {
    if (connection.is_drained) return Outcome::kDrained;
    return deadline.has_expired() ? Outcome::kHandshakeTimeout : otherwise;
  };

  connection.is_waiting_for_hello = true;
  const Hello hello = co_await connection.tls.hello(connection.policy->tls.preamble);
  connection.is_waiting_for_hello = false;
  if (hello == Hello::kPlaintext) {
    if (!connection.policy->tls.is_plaintext_allowed || connection.tls.has_promised_tls()) {
      advise_about_plaintext(connection);
      co_return Outcome::kPlaintext;
    }
    connection.tls.pass_through();
    connection.progress.counters->plaintext.add();
    co_return Refusal{};
  }
  const bool has_said_nothing = connection.tls.first_bytes().empty() && !connection.tls.has_promised_tls();
  if (hello == Hello::kClosed && deadline.has_expired() && has_said_nothing) advise_about_silence(connection);
  if (hello == Hello::kClosed) co_return refusal(Outcome::kHandshakeClosed);
  if (hello == Hello::kTooLong) {
    connection.failure = connection.tls.failure();
    co_return Outcome::kHandshakeFailed;
  }

  // Not before: a client that says nothing must not cost the app a connection.
  if (connection.policy->connect_first) {
    connection.tls.park();
    if (const Refusal refused = co_await reach_app(connection)) co_return *refused;
  }
  // Only now: clients that send nothing must not keep the places from those that do.
  if (connection.workplace.handshakes().is_full()) connection.tls.park();
  const Clock::time_point begun = Clock::now();
  const Handshake handshake = co_await shake_in_turn(connection);
  connection.failure = connection.tls.failure();
  switch (handshake) {
    case Handshake::kDone:
      connection.progress.counters->note_handshake(connection.tls.facts(), Clock::now() - begun);
      co_return Refusal{};
    case Handshake::kClosed: co_return refusal(Outcome::kHandshakeClosed);
    case Handshake::kNoApplicationProtocol: co_return Outcome::kNoApplicationProtocol;
    case Handshake::kUnknownName: co_return Outcome::kUnknownName;
    case Handshake::kClientCertificateMissing: co_return Outcome::kClientCertMissing;
    case Handshake::kClientCertificateInvalid: co_return Outcome::kClientCertInvalid;
    case Handshake::kClientNotAllowed: co_return Outcome::kClientNotAllowed;
    case Handshake::kFailed: break;
  }
  co_return Outcome::kHandshakeFailed;
}

task<Outcome> serve(Connection& connection) {
  const Refusal refused_at_once = find_policy(connection);
  connection.count_in(counters_of(connection));
  if (refused_at_once) co_return *refused_at_once;
  if (const Refusal refused = co_await shake_hands(connection)) co_return *refused;
  if (!connection.app_socket) {
    if (const Refusal refused = co_await reach_app(connection)) co_return *refused;
  }
  if (connection.is_drained) co_return Outcome::kDrained;  // given up while it was under way to the app

  Workplace& workplace = connection.workplace;
  Relay relay{connection.tls,
              *connection.app_socket,
              workplace.buffers(),
              connection.progress,
              workplace.silence_watch(),
              workplace.settings().limits,
              connection.policy->on_truncation,
              introduction(connection)};
  connection.relay = &relay;
  const Outcome outcome = co_await relay.run();
  connection.relay = nullptr;
  connection.failure = connection.tls.failure();
  co_return outcome;
}

void report(const Connection& connection, Outcome outcome) {
  if (!connection.workplace.settings().process.access_log) return;
  AccessRecord record;
  record.client = connection.client;
  record.destination = connection.destination;
  record.app = connection.app;
  record.tls = connection.tls.facts();
  record.is_plaintext = connection.tls.is_passing_through();
  record.outcome = outcome;
  record.failure = connection.failure;
  record.unique_id = connection.unique_id;
  record.is_source_preserved = connection.is_source_preserved;
  record.received_bytes = connection.progress.received_bytes;
  record.sent_bytes = connection.progress.sent_bytes;
  record.duration = Clock::now() - connection.accepted_at;
  log_access(record);
}

// Neither peer shall take the end of a connection that was given up for a clean one.
void reset_both(Connection& connection) noexcept {
  connection.relay = nullptr;
  if (connection.app_socket) connection.app_socket->close_with_reset();
  connection.client_socket.close_with_reset();
}

}  // namespace

Connection::Connection(Fd accepted, ClientAddress from, ClientCounts::Place place, const ExplicitListener* through,
                       Workplace& owner)
    : Resident{owner},
      workplace{owner},
      listener{through},
      client{from},
      client_socket{std::move(accepted), owner.reactor()},
      tls{client_socket, owner.buffers(), owner.settings().limits.key_update_limit},
      client_place{std::move(place)},
      accepted_at{owner.reactor().now()} {}

Connection::~Connection() {
  if (progress.counters != nullptr) {
    progress.counters->open.subtract();
    progress.counters->closed[static_cast<std::size_t>(outcome)].add();
  }
}

void Connection::count_in(PortCounters& counters) {
  counters.accepted.add();
  counters.open.add();
  progress.counters = &counters;
}

Connection::Look Connection::look_after(Clock::time_point since) {
  if (relay == nullptr) return {.is_needed = false, .is_costly = false};
  // What has moved since the last look may be unanswered at the next one.
  const bool has_moved = progress.last_activity >= since;
  const bool is_to_ask = has_outstanding && !has_moved;
  has_outstanding = has_moved || (is_to_ask && relay->look_after());
  return {.is_needed = has_outstanding, .is_costly = is_to_ask};
}

void Connection::drain(Clock::time_point quiet_since) {
  if (relay != nullptr && relay->is_quiet_since(quiet_since)) {
    relay->end(Outcome::kDrained, true);
  } else if (is_waiting_for_hello && accepted_at <= quiet_since) {
    abort();
  }
}

void Connection::abort() {
  is_drained = true;
  if (relay != nullptr) {
    relay->end(Outcome::kDrained, false);
  } else {
    client_socket.abort(ECANCELED);
  }
}

void warn_given_up(const Endpoint& client, const std::exception& failure) noexcept {
  try {
    log::warning("connection from {} given up: {}", client.to_string(), failure.what());
  } catch (
      const std::exception&) {  // NOLINT(bugprone-empty-catch): without memory for that line, too, nobody can be told
  }
}

Detached host(Fd accepted, ClientAddress client, ClientCounts::Place place, const ExplicitListener* listener,
              Workplace& workplace) {
  try {
    Connection connection{std::move(accepted), client, std::move(place), listener, workplace};
    if (take_probe(connection)) co_return;
    const OnException when_it_fails{[&connection] { reset_both(connection); }};
    const Outcome outcome = co_await serve(connection);
    connection.outcome = outcome;
    co_await conclude(connection, outcome);
    report(connection, outcome);
  } catch (const std::exception& failure) {
    // Out of memory or descriptors: this connection is given up, the others go on.
    warn_given_up(client.endpoint, failure);
  }
}

}  // namespace sidelock
