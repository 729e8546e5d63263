// See worker.h.
#include "proxy/worker.h"

#include <csignal>
#include <cstring>

#include <malloc.h>
#include <sys/socket.h>

#include "base/log.h"
#include "base/pool.h"
#include "proxy/connection.h"

namespace sidelock {

namespace {

constexpr int kAcceptsPerTurn = 32;
constexpr std::chrono::milliseconds kAcceptPause{100};
constexpr std::chrono::milliseconds kDrainLook{100};
constexpr std::chrono::seconds kQuiet{1};
constexpr std::chrono::seconds kTrimDelay{2};
// TCP handshakes that were under way when new ones were shut out.
constexpr std::chrono::milliseconds kLastHandshakes{200};
constexpr std::chrono::milliseconds kLastCall{700};
constexpr std::size_t kClosedBeforeTrim = 64;

bool is_out_of_resources(int error) {
  return error == EMFILE || error == ENFILE || error == ENOBUFS || error == ENOMEM;
}

}  // namespace

// Gives memory back to the system once a burst of connections has gone; while connections come it waits.
class Worker::TrimTimer final : public Timer {
 public:
  explicit TrimTimer(Reactor& reactor) : reactor_{reactor} {}

  void note_accept() noexcept { was_busy_ = true; }
  void note_close() noexcept {
    was_busy_ = true;
    if (++closed_ >= kClosedBeforeTrim && !is_armed()) reactor_.timers().arm(*this, reactor_.now() + kTrimDelay);
  }

 private:
  void on_expiry() override {
    if (std::exchange(was_busy_, false)) {
      reactor_.timers().arm(*this, reactor_.now() + kTrimDelay);
      return;
    }
    closed_ = 0;
    pool::give_back();
    ::malloc_trim(0);
  }

  Reactor& reactor_;
  std::size_t closed_ = 0;
  bool was_busy_ = false;
};

class Worker::DrainTimer final : public Timer {
 public:
  explicit DrainTimer(Worker& worker) : worker_{worker} {}

 private:
  void on_expiry() override { worker_.drain_quiet_connections(); }

  Worker& worker_;
};

// Ends the reactor although something is left.
class Worker::LastCall final : public Timer {
 public:
  explicit LastCall(Reactor& reactor) : reactor_{reactor} {}
  void start() { reactor_.timers().arm(*this, reactor_.now() + kLastCall); }

 private:
  void on_expiry() override { reactor_.stop(); }

  Reactor& reactor_;
};

Worker::Worker(const Settings& settings, WorkerLimits limits, Shared& shared, std::vector<ListeningSocket> listeners,
               std::shared_ptr<const TlsContext> context, Workplace::OnProbe on_probe)
    : settings_{settings},
      limits_{limits},
      workplace_{settings, limits.handshakes, shared, std::move(context), std::move(on_probe)},
      reactor_{workplace_.reactor()},
      trim_timer_{std::make_unique<TrimTimer>(reactor_)},
      drain_timer_{std::make_unique<DrainTimer>(*this)},
      last_call_{std::make_unique<LastCall>(reactor_)} {
  workplace_.on_coming = [this] { trim_timer_->note_accept(); };
  workplace_.on_gone = [this] { connection_has_gone(); };
  for (ListeningSocket& socket : listeners)
    listeners_.push_back({Socket{std::move(socket.fd), reactor_}, socket.listener});
}

Worker::~Worker() {
  if (!thread_.joinable()) return;
  // Every connection and accept loop unwinds in its own thread; one that cannot within moments is left behind.
  drain([this] { reactor_.stop(); });
  abort_connections();
  {
    const std::lock_guard lock{orders_mutex_};
    orders_.is_last_call = true;
  }
  reactor_.post(carrying_out_orders_);
  thread_.join();
}

void Worker::start() {
  // Signals belong to the main thread; a new thread inherits the mask.
  sigset_t all;
  sigset_t before;
  ::sigfillset(&all);
  ::pthread_sigmask(SIG_SETMASK, &all, &before);
  thread_ = std::thread{[this] {
    for (Listener& listener : listeners_) accept_from(listener);
    reactor_.run();
    pool::close_thread();
  }};
  ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
}

void Worker::use_context(std::shared_ptr<const TlsContext> context) noexcept {
  {
    const std::lock_guard lock{orders_mutex_};
    orders_.context.swap(context);
  }
  reactor_.post(carrying_out_orders_);
}

void Worker::drain(std::function<void()> on_done) noexcept {
  {
    const std::lock_guard lock{orders_mutex_};
    orders_.on_drained = std::move(on_done);
    orders_.is_drain_wanted = true;
  }
  reactor_.post(carrying_out_orders_);
}

void Worker::abort_connections() noexcept {
  {
    const std::lock_guard lock{orders_mutex_};
    orders_.is_abort_wanted = true;
  }
  reactor_.post(carrying_out_orders_);
}

void Worker::carry_out_orders() noexcept {
  Orders orders;
  {
    const std::lock_guard lock{orders_mutex_};
    std::swap(orders, orders_);
  }
  if (orders.context) workplace_.use_context(std::move(orders.context));
  if (orders.is_drain_wanted) begin_drain(std::move(orders.on_drained));
  if (orders.is_abort_wanted) {
    for (Workplace::Resident* const connection : workplace_.residents()) connection->abort();
  }
  if (orders.is_last_call) last_call_->start();
}

void Worker::begin_drain(std::function<void()> on_done) noexcept {
  on_drained_ = std::move(on_done);
  if (is_draining_) return finish_drain_if_done();
  for (Listener& listener : listeners_) {
    if (listener.socket.is_open()) listener.socket.drop_new_requests();
  }
  reactor_.timers().arm(*drain_timer_, reactor_.now() + kLastHandshakes);
}

void Worker::close_listeners() {
  is_draining_ = true;
  for (Listener& listener : listeners_) listener.socket.interrupt();
  reactor_.schedule_all(waiting_for_room_);
}

void Worker::connection_has_gone() noexcept {
  trim_timer_->note_close();
  reactor_.schedule_all(waiting_for_room_);
  finish_drain_if_done();
}

Detached Worker::accept_from(Listener& listener) {
  ++accepting_;
  int accepted_this_turn = 0;
  bool has_warned = false;
  for (;;) {
    if (settings_.limits.when_full == WhenFull::kWait && is_full() && !is_draining_) {
      WaitIn room{waiting_for_room_};
      co_await room;
      continue;
    }
    Fd accepted;
    Endpoint client;
    const Io state = listener.socket.accept(accepted, client);
    if (state == Io::kDone) {
      has_warned = false;
      try {
        admit(std::move(accepted), client, listener.pair);
      } catch (const std::exception& failure) {
        warn_given_up(client, failure);
      }
      if (++accepted_this_turn % kAcceptsPerTurn == 0) co_await reactor_.yield();
    } else if (state == Io::kWouldBlock) {
      if (is_draining_) break;  // the queue is empty: closing the listener resets nobody
      co_await listener.socket.readable();
      if (is_draining_ && !listener.socket.may_read()) break;
    } else if (is_out_of_resources(listener.socket.error())) {
      if (is_draining_) break;
      if (!std::exchange(has_warned, true)) {
        log::warning("cannot accept: {}; trying again as connections end", std::strerror(listener.socket.error()));
      }
      co_await reactor_.sleep(kAcceptPause);
    } else {
      co_await reactor_.yield();  // a connection that died in the queue (ECONNABORTED); accept(2) lists more
    }
  }
  listener.socket.close();
  --accepting_;
  finish_drain_if_done();
}

void Worker::admit(Fd accepted, const Endpoint& client, const ExplicitListener* pair) {
  const std::uint32_t per_client = settings_.limits.max_connections_per_client;
  if (is_full() || (per_client > 0 && !workplace_.client_counts().try_add(client.address, per_client))) {
    return refuse(std::move(accepted), pair);
  }
  ClientCounts::Place place =
      per_client > 0 ? ClientCounts::Place{workplace_.client_counts(), client.address} : ClientCounts::Place{};
  host(std::move(accepted), ClientAddress{client}, std::move(place), pair, workplace_);
}

// Before anybody asked where it wanted to go: under capture it is no port's.
void Worker::refuse(Fd accepted, const ExplicitListener* pair) {
  const PortIndex& ports = workplace_.port_index();
  PortCounters& counters = workplace_.counters(pair != nullptr ? ports.of_listener(*pair) : PortIndex::kOther);
  counters.accepted.add();
  counters.closed[static_cast<std::size_t>(Outcome::kLimit)].add();
  const linger immediately{1, 0};
  ::setsockopt(accepted.get(), SOL_SOCKET, SO_LINGER, &immediately, sizeof immediately);
}

void Worker::drain_quiet_connections() {
  if (!is_draining_) close_listeners();
  for (Workplace::Resident* const connection : workplace_.residents()) connection->drain(reactor_.now() - kQuiet);
  reactor_.timers().arm(*drain_timer_, reactor_.now() + kDrainLook);
  finish_drain_if_done();
}

void Worker::finish_drain_if_done() {
  if (!is_draining_ || accepting_ > 0 || !workplace_.residents().empty() || !on_drained_) return;
  drain_timer_->cancel();
  std::exchange(on_drained_, nullptr)();
}

}  // namespace sidelock
