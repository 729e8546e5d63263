// What the connections of one worker share: its reactor, buffers, places and counters, and the list of themselves.
#pragma once

#include <functional>
#include <memory>
#include <vector>

#include "config/settings.h"
#include "io/buffers.h"
#include "io/reactor.h"
#include "policy/destination.h"
#include "proxy/own_addresses.h"
#include "proxy/port_counters.h"
#include "proxy/shared.h"
#include "proxy/silence.h"
#include "proxy/slots.h"
#include "tls/context.h"

namespace sidelock {

// One worker's, and all of it for the worker's thread, except where it says otherwise. Settings and Shared outlive it.
class Workplace {
 public:
  // Called with the client address of a connection to the probe port.
  using OnProbe = std::function<void(const ClientAddress&)>;

  // A connection, as far as it must be known here. It is in the list from its construction to its destruction.
  class Resident {
   public:
    explicit Resident(Workplace& workplace) : workplace_{workplace} { workplace.add(*this); }
    Resident(const Resident&) = delete;
    Resident& operator=(const Resident&) = delete;
    virtual ~Resident() { workplace_.remove(*this); }

    // What looking after a connection has come to.
    struct Look {
      bool is_needed;  // again, although no byte may move until then
      bool is_costly;  // it has asked the kernel
    };
    // Called by the SilenceWatch, which did so before at `since`: ends the connection when a peer has gone silent.
    virtual Look look_after(Clock::time_point since) = 0;
    // Ends the connection cleanly if it has been quiet for a while.
    virtual void drain(Clock::time_point quiet_since) = 0;
    virtual void abort() = 0;

   private:
    friend class Workplace;
    Workplace& workplace_;
    std::size_t index_ = 0;
  };

  Workplace(const Settings& settings, std::size_t handshakes, Shared& shared, std::shared_ptr<const TlsContext> context,
            OnProbe on_probe);

  [[nodiscard]] const Settings& settings() const noexcept { return settings_; }
  [[nodiscard]] Reactor& reactor() noexcept { return reactor_; }
  [[nodiscard]] Buffers& buffers() noexcept { return buffers_; }
  [[nodiscard]] Slots& handshakes() noexcept { return handshakes_; }
  [[nodiscard]] const std::shared_ptr<const TlsContext>& tls_context() const noexcept { return context_; }
  void use_context(std::shared_ptr<const TlsContext> context) noexcept { context_ = std::move(context); }
  [[nodiscard]] const DestinationPolicy& destination_policy() const noexcept { return destination_policy_; }
  [[nodiscard]] bool is_own_address(const IpAddress& address) {
    return own_addresses_.contains(address, reactor_.now());
  }
  // Whether a client is one of our own connections to the app.
  [[nodiscard]] bool is_our_upstream(const ClientAddress& client, const OriginalDestination& destination);
  [[nodiscard]] UpstreamConnections& upstream_connections() noexcept { return shared_.upstream_connections; }
  [[nodiscard]] AdviceGiven& advice_given() noexcept { return shared_.advice_given; }
  [[nodiscard]] ClientCounts& client_counts() noexcept { return shared_.client_counts; }
  [[nodiscard]] SilenceWatch& silence_watch() noexcept { return silence_watch_; }
  void note_probe(const ClientAddress& client) const { on_probe_(client); }

  // Any thread: what connections have been counted, by the labels of port_index().
  [[nodiscard]] const PortIndex& port_index() const noexcept { return port_index_; }
  [[nodiscard]] const std::vector<PortCounters>& port_counters() const noexcept { return port_counters_; }
  // For the worker's thread, to count.
  [[nodiscard]] PortCounters& counters(std::size_t index) noexcept { return port_counters_[index]; }

  [[nodiscard]] const std::vector<Resident*>& residents() const noexcept { return residents_; }
  // Told of every connection that comes, and that has gone.
  std::function<void()> on_coming;
  std::function<void()> on_gone;

 private:
  void add(Resident& resident);
  void remove(Resident& resident) noexcept;
  SilenceWatch::Found look_after_some(Clock::time_point since);

  const Settings& settings_;
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
  std::vector<Resident*> residents_;
  std::size_t still_to_look_after_ = 0;  // of residents_, from the first on; 0 between rounds
  SilenceWatch silence_watch_;
};

}  // namespace sidelock
