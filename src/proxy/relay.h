// Moves bytes between a client and the app until both directions have ended, and says how. Two pumps, one for each
// direction, independent of each other: a half-close ends one of them. Read docs/decisions/0007-stream-ends.md first.
#pragma once

#include <optional>
#include <string>

#include "config/settings.h"
#include "io/buffers.h"
#include "proxy/outcome.h"
#include "proxy/progress.h"
#include "proxy/silence.h"
#include "tls/stream.h"

namespace sidelock {

// One use, one thread. Client, app, buffers and progress outlive it. The app gets `introduction` before any other byte:
// at once, since it may be the app that speaks first, and together with what the client has said by then.
//
// When run() returns, the outcome tells what is owed to each side: after kOk, kClientClosedBare and kDrained both have
// been told a clean end; after anything else neither has been told the end of the stream that failed, and both sockets
// are aborted: the caller resets them.
class Relay final : private Timer {
 public:
  Relay(TlsStream& client, Socket& app, Buffers& buffers, Progress& progress, SilenceWatch& silence_watch,
        const LimitSettings& limits, OnTruncation on_truncation, std::string introduction);

  task<Outcome> run();

  // Ends the relay from outside: with kDrained cleanly when `is_clean`, else with a reset.
  void end(Outcome outcome, bool is_clean);

  // Ends the relay when the client or the app has gone silent: see Socket::is_peer_silent(). False when nothing is
  // under way that could go unanswered, so that there is nothing to look after until bytes move again.
  bool look_after();

  // Nothing moves and nothing is kept for a slow reader.
  [[nodiscard]] bool is_quiet_since(Clock::time_point time) const;

 private:
  task<> client_to_app();
  task<> app_to_client();
  void client_ended(ReadEnd end);
  void app_ended();
  void fail(Outcome outcome);
  void end_both();
  void note_activity();

  void arm_limit();
  void on_expiry() override;
  [[nodiscard]] Clock::duration limit() const noexcept;
  [[nodiscard]] std::size_t unacknowledged() const noexcept;

  TlsStream& client_;
  Socket& app_;
  Buffers& buffers_;
  Progress& progress_;
  SilenceWatch& silence_watch_;
  const LimitSettings& limits_;
  OnTruncation on_truncation_;
  std::string introduction_;  // until it is sent

  std::optional<Outcome> failure_;
  std::size_t unacknowledged_at_last_look_ = 0;
  bool has_client_ended_ = false;
  bool has_app_ended_ = false;
  bool was_client_end_bare_ = false;
  bool is_flushing_ = false;    // app_to_client waits for the client's socket
  bool is_delivering_ = false;  // client_to_app waits for the app's socket
  bool is_ended_cleanly_ = false;
};

}  // namespace sidelock
