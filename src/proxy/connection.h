// The life of one connection. serve() in connection.cc tells it from top to bottom: read that first.
#pragma once

#include <exception>
#include <optional>
#include <string>

#include "base/address.h"
#include "config/settings.h"
#include "io/socket.h"
#include "io/task.h"
#include "proxy/outcome.h"
#include "proxy/progress.h"
#include "proxy/shared.h"
#include "proxy/workplace.h"
#include "tls/stream.h"

namespace sidelock {

class Relay;

// What serve() works on. Made and destroyed by host(), in the worker's thread; its workplace knows it while it lives.
class Connection final : public Workplace::Resident {
 public:
  // `through` is the pair of --listen it came through, null for a captured connection. Throws std::system_error.
  Connection(Fd accepted, ClientAddress from, ClientCounts::Place place, const ExplicitListener* through,
             Workplace& owner);
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;
  ~Connection() override;

  // Counts it as open from now on, and as ended once it is destroyed.
  void count_in(PortCounters& counters);

  Look look_after(Clock::time_point since) override;
  void drain(Clock::time_point quiet_since) override;
  void abort() override;

  Workplace& workplace;
  const ExplicitListener* const listener;
  const ClientAddress client;
  OriginalDestination destination;
  AppAddress app;
  const PortPolicy* policy = nullptr;

  Socket client_socket;
  std::optional<Socket> app_socket;
  std::optional<UpstreamConnections::Place> upstream_place;
  TlsStream tls;
  Relay* relay = nullptr;  // while it runs
  Progress progress;
  const ClientCounts::Place client_place;
  const Clock::time_point accepted_at;
  std::string failure;                      // why it failed, for the log
  Outcome outcome = Outcome::kInternal;     // until it is known
  std::optional<bool> is_source_preserved;  // none: not asked for, or not yet known
  std::string unique_id;                    // what the app was told to know it by; empty: nothing
  bool is_waiting_for_hello = false;
  bool has_outstanding = false;  // bytes that a peer has perhaps not acknowledged
  bool is_drained = false;       // aborted by the drain, not by a fault
};

// Serves one accepted connection to its end, logs it and lets go of it.
Detached host(Fd accepted, ClientAddress client, ClientCounts::Place place, const ExplicitListener* listener,
              Workplace& workplace);

// Says so in the log, if there is memory for a line.
void warn_given_up(const Endpoint& client, const std::exception& failure) noexcept;

}  // namespace sidelock
