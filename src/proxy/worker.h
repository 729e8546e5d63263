// One thread of the data path: its reactor, its listeners, its connections. Workers share nothing while bytes flow; the
// kernel spreads new connections over their listeners (SO_REUSEPORT).
#pragma once

#include <functional>
#include <list>
#include <memory>
#include <thread>
#include <vector>

#include "config/settings.h"
#include "io/buffers.h"
#include "io/reactor.h"
#include "policy/destination.h"
#include "proxy/connection.h"
#include "proxy/own_addresses.h"
#include "proxy/port_counters.h"
#include "proxy/shared.h"
#include "proxy/silence.h"
#include "proxy/slots.h"
#include "tls/context.h"

namespace sidelock {

// A listening socket, and the pair of --listen it serves (null: a capture port). The settings outlive it.
struct ListeningSocket {
  Fd fd;
  const ExplicitListener* listener = nullptr;
};

struct WorkerLimits {
  std::size_t connections = 0;  // this worker's share
  std::size_t handshakes = 0;
};

class Worker {
 public:
  // Called in the worker's thread with the client address of a connection to the probe port.
  using OnProbe = std::function<void(const ClientAddress&)>;

  // Settings and `shared` outlive the worker. Throws std::system_error.
  Worker(const Settings& settings, WorkerLimits limits, Shared& shared, std::vector<ListeningSocket> listeners,
         std::shared_ptr<const TlsContext> context, OnProbe on_probe);
  ~Worker();  // resets what is left and joins the thread

  // From the main thread. start() once; the rest are posted and take effect soon.
  void start();
  void use_context(std::shared_ptr<const TlsContext> context);
  // Takes what is in the accept queues, closes the listeners, then ends connections as they become quiet; calls
  // `on_done` in the worker's thread when none is left.
  void drain(std::function<void()> on_done);
  void abort_connections();
  // Any thread: what connections have been counted, by the labels of port_index().
  [[nodiscard]] const PortIndex& port_index() const noexcept { return port_index_; }
  [[nodiscard]] const std::vector<PortCounters>& port_counters() const noexcept { return port_counters_; }

  // For the connections, in the worker's thread.
  [[nodiscard]] const Settings& settings() const noexcept { return settings_; }
  [[nodiscard]] Reactor& reactor() noexcept { return reactor_; }
  [[nodiscard]] Buffers& buffers() noexcept { return buffers_; }
  [[nodiscard]] Slots& handshakes() noexcept { return handshakes_; }
  [[nodiscard]] const std::shared_ptr<const TlsContext>& tls_context() const noexcept { return context_; }
  [[nodiscard]] const DestinationPolicy& destination_policy() const noexcept { return destination_policy_; }
  [[nodiscard]] bool is_own_address(const IpAddress& address) {
    return own_addresses_.contains(address, reactor_.now());
  }
  // Whether a client is one of our own connections to the app.
  [[nodiscard]] bool is_our_upstream(const ClientAddress& client, const OriginalDestination& destination);
  [[nodiscard]] UpstreamConnections& upstream_connections() noexcept { return shared_.upstream_connections; }
  [[nodiscard]] AdviceGiven& advice_given() noexcept { return shared_.advice_given; }
  [[nodiscard]] SilenceWatch& silence_watch() noexcept { return silence_watch_; }
  // What a connection is to be counted in, given where it wanted to go.
  [[nodiscard]] PortCounters& counters_of(const Connection& connection) noexcept {
    return port_counters_[connection.listener != nullptr
                              ? port_index_.of_listener(*connection.listener)
                              : port_index_.of_captured(connection.destination.endpoint.port)];
  }
  // True, and reported, when the connection is run's own probe.
  bool take_probe(const Connection& connection);
  void add(Connection& connection);
  void remove(Connection& connection) noexcept;

 private:
  struct Listener {
    Socket socket;
    const ExplicitListener* pair;
  };
  class TrimTimer;
  class DrainTimer;
  class LastCall;

  Detached accept_from(Listener& listener);
  void admit(Fd accepted, const Endpoint& client, const ExplicitListener* pair);
  void refuse(Fd accepted, const ExplicitListener* pair);
  [[nodiscard]] bool is_full() const noexcept { return connections_.size() >= limits_.connections; }
  void close_listeners();
  void drain_quiet_connections();
  void finish_drain_if_done();

  const Settings& settings_;
  WorkerLimits limits_;
  Shared& shared_;
  OnProbe on_probe_;
  PortIndex port_index_;
  std::vector<PortCounters> port_counters_;
  Reactor reactor_;
  Buffers buffers_;
  Slots handshakes_;
  std::shared_ptr<const TlsContext> context_;
  DestinationPolicy destination_policy_;
  OwnAddresses own_addresses_;
  std::list<Listener> listeners_;
  std::vector<Connection*> connections_;
  std::size_t accepting_ = 0;  // accept loops that have not ended
  Waiter* waiting_for_room_ = nullptr;
  bool is_draining_ = false;
  std::function<void()> on_drained_;
  std::unique_ptr<TrimTimer> trim_timer_;
  std::unique_ptr<DrainTimer> drain_timer_;
  std::unique_ptr<LastCall> last_call_;
  SilenceWatch silence_watch_;
  std::thread thread_;
};

}  // namespace sidelock
