// One thread of the data path: its reactor, its listeners, its connections. Workers share nothing while bytes flow; the
// kernel spreads new connections over their listeners (SO_REUSEPORT).
#pragma once

#include <functional>
#include <list>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "config/settings.h"
#include "io/socket.h"
#include "proxy/port_counters.h"
#include "proxy/workplace.h"

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
  // Settings and `shared` outlive the worker. Throws std::system_error.
  Worker(const Settings& settings, WorkerLimits limits, Shared& shared, std::vector<ListeningSocket> listeners,
         std::shared_ptr<const TlsContext> context, Workplace::OnProbe on_probe);
  ~Worker();  // resets what is left and joins the thread

  // From the main thread. start() once; the rest are posted and take effect soon, and take no memory.
  void start();
  void use_context(std::shared_ptr<const TlsContext> context) noexcept;
  // Takes what is in the accept queues, closes the listeners, then ends connections as they become quiet; calls
  // `on_done`, which may not throw, in the worker's thread when none is left.
  void drain(std::function<void()> on_done) noexcept;
  void abort_connections() noexcept;
  // Any thread may post to it.
  [[nodiscard]] Reactor& reactor() noexcept { return reactor_; }
  // Any thread: what connections have been counted, by the labels of port_index().
  [[nodiscard]] const PortIndex& port_index() const noexcept { return workplace_.port_index(); }
  [[nodiscard]] const std::vector<PortCounters>& port_counters() const noexcept { return workplace_.port_counters(); }

 private:
  struct Listener {
    Socket socket;
    const ExplicitListener* pair;
  };
  // What the main thread wants, until it is carried out.
  struct Orders {
    std::shared_ptr<const TlsContext> context;
    std::function<void()> on_drained;
    bool is_drain_wanted = false;
    bool is_abort_wanted = false;
    bool is_last_call = false;
  };
  class TrimTimer;
  class DrainTimer;
  class LastCall;

  Detached accept_from(Listener& listener);
  void admit(Fd accepted, const Endpoint& client, const ExplicitListener* pair);
  void refuse(Fd accepted, const ExplicitListener* pair);
  [[nodiscard]] bool is_full() const noexcept { return workplace_.residents().size() >= limits_.connections; }
  void carry_out_orders() noexcept;
  void begin_drain(std::function<void()> on_done) noexcept;
  void connection_has_gone() noexcept;
  void close_listeners();
  void drain_quiet_connections();
  void finish_drain_if_done();

  const Settings& settings_;
  WorkerLimits limits_;
  Workplace workplace_;
  Reactor& reactor_;
  std::mutex orders_mutex_;
  Orders orders_;
  Errand carrying_out_orders_{[this] { carry_out_orders(); }};
  std::list<Listener> listeners_;
  std::size_t accepting_ = 0;  // accept loops that have not ended
  Waiter* waiting_for_room_ = nullptr;
  bool is_draining_ = false;
  std::function<void()> on_drained_;
  std::unique_ptr<TrimTimer> trim_timer_;
  std::unique_ptr<DrainTimer> drain_timer_;
  std::unique_ptr<LastCall> last_call_;
  std::thread thread_;
};

}  // namespace sidelock
