// See run.h. The supervisor below lives in the main thread: signals, reloads, the capture's proof and the drain.
#include "run/run.h"

#include <atomic>
#include <csignal>
#include <cstring>
#include <optional>

#include <linux/capability.h>
#include <malloc.h>
#include <sys/signalfd.h>

#include "base/log.h"
#include "base/privileges.h"
#include "policy/limits.h"
#include "proxy/own_addresses.h"
#include "proxy/worker.h"
#include "run/admin_service.h"
#include "run/announce.h"
#include "run/capture_proof.h"
#include "run/expiry_reminder.h"
#include "run/health.h"
#include "run/listeners.h"
#include "run/plaintext_notice.h"
#include "run/surroundings.h"
#include "tls/credential_watch.h"
#include "tls/tls_files.h"

namespace sidelock {

namespace {

constexpr std::chrono::seconds kAbortPatience{2};
constexpr std::chrono::milliseconds kLogPatience{500};

// Blocks the signals that run handles and returns the descriptor they are read from.
Fd open_signals() {
  sigset_t signals;
  ::sigemptyset(&signals);
  for (const int signal : {SIGTERM, SIGINT, SIGHUP}) ::sigaddset(&signals, signal);
  check(::sigprocmask(SIG_BLOCK, &signals, nullptr), "block signals");
  std::signal(SIGPIPE, SIG_IGN);  // NOLINT(cert-err33-c): cannot fail for SIGPIPE
  return Fd{check(::signalfd(-1, &signals, SFD_NONBLOCK | SFD_CLOEXEC), "create a signalfd")};
}

void check_upstream_addresses(const Settings& settings) {
  OwnAddresses own;
  std::vector<CapturedPort> all = settings.captured_ports;
  if (settings.capture.is_any_port) all.push_back({0, settings.any_port});
  for (const CapturedPort& captured : all) {
    const PortPolicy& policy = captured.policy;
    if (policy.upstream == UpstreamMode::kAddress && !own.contains(policy.upstream_address, Clock::now())) {
      throw Failure{
          ExitCode::kUsage,
          fmt::format(
              "upstream of port {}: {} is not an address of this pod; allowed: original, loopback or one of its "
              "own addresses",
              captured.port, policy.upstream_address.to_string())};
    }
  }
}

// Set-up only: a file capability gives it as permitted, so that the program starts where the container allows none.
void require_net_raw(std::string_view setting) {
  if (raise_capability(CAP_NET_RAW)) return;
  throw Failure{ExitCode::kMissingPermission,
                fmt::format("{}: run needs the capability NET_RAW, and this container does not have it; allowed: "
                            "capabilities: {{drop: [ALL], add: [NET_RAW]}} for the container of run",
                            setting)};
}

class Supervisor {
 public:
  explicit Supervisor(const Settings& settings);
  ExitCode serve();

 private:
  Background handle_signals();
  Background drain_when_told();
  void serve_admin();
  bool reload();
  void terminate();
  void finish(ExitCode code);
  void ready(const std::string& how);
  [[nodiscard]] std::size_t port_count() const;
  [[nodiscard]] std::uint64_t open_connections() const;

  const Settings& settings_;
  Reactor reactor_;
  Socket signals_;
  ProcessLimits limits_;
  std::vector<std::vector<ListeningSocket>> listeners_;
  Fd admin_listener_;
  Fd status_listener_;
  Health health_;
  std::shared_ptr<TicketKeys> tickets_;
  TlsFiles files_;  // those in use
  std::unique_ptr<Shared> shared_ = std::make_unique<Shared>();
  std::optional<CaptureProof> proof_;
  std::optional<CredentialWatch> credential_watch_;
  std::vector<std::unique_ptr<Worker>> workers_;
  std::optional<AdminService> admin_;  // asks all of the above
  std::atomic<std::size_t> drained_workers_ = 0;
  bool is_terminating_ = false;
  ExitCode exit_code_ = ExitCode::kOk;
  Background signal_handling_;
  Background draining_;
  Waiter* waiting_for_termination_ = nullptr;
  std::optional<ExpiryReminder> reminder_;
};

Supervisor::Supervisor(const Settings& settings)
    : settings_{settings},
      signals_{open_signals(), reactor_},
      limits_{resolve_limits(settings, look_around())},
      health_{settings.admin} {
  // One arena a thread, and large blocks always from the system: what connections free can go back to it.
  ::mallopt(M_ARENA_MAX, static_cast<int>(limits_.workers) + 2);
  ::mallopt(M_MMAP_THRESHOLD, 128 * 1024);

  check_upstream_addresses(settings);
  if (settings.capture.is_any_port && settings.capture.mode == CaptureMode::kRedirect) {
    log::warning(
        "all ports share capture port {}: the kernel may give a client another port number, and one that uses a "
        "number again at once may have to wait; --capture tproxy does neither",
        settings.capture.capture_port_base);
  }
  const bool is_source_preserved = settings.capture.is_source_preserved;
  if (settings.capture.mode == CaptureMode::kTproxy) require_net_raw("--capture tproxy");
  if (is_source_preserved) require_net_raw("--preserve-source");
  listeners_ = open_listeners(settings, limits_.workers);
  if (settings.admin.address) admin_listener_ = open_admin_listener("--admin-address", *settings.admin.address);
  if (settings.admin.status_address) {
    status_listener_ = open_admin_listener("--status-address", *settings.admin.status_address);
  }
  // Accepted sockets inherit the permission of a transparent listener; one to the app asks anew each time.
  drop_privileges(is_source_preserved ? std::optional{CAP_NET_RAW} : std::nullopt);
  forbid_dumps();  // from here on there are keys in memory

  tickets_ = std::make_shared<TicketKeys>();
  files_ = load_tls_files(settings.tls);
  announce(files_);
  health_.note_credentials(files_.credentials, false);
  if (const std::string notice = plaintext_notice(settings); !notice.empty()) log::warning("{}", notice);
  const auto on_probe = [this](const ClientAddress& client) {
    if (proof_) proof_->note_probe(client);
  };
  for (auto& listeners : listeners_) {
    const WorkerLimits share{(limits_.connections + limits_.workers - 1) / limits_.workers,
                             (limits_.handshakes + limits_.workers - 1) / limits_.workers};
    auto context = std::make_shared<const TlsContext>(settings.tls, files_, tickets_);
    workers_.push_back(
        std::make_unique<Worker>(settings, share, *shared_, std::move(listeners), std::move(context), on_probe));
  }
}

ExitCode Supervisor::serve() {
  log::info(
      "serving with {} worker(s), at most {} connections; at most {} handshakes are begun before the open ones have "
      "their turn",
      limits_.workers, limits_.connections, limits_.handshakes);
  if (settings_.capture.mode != CaptureMode::kNone) {
    CaptureProof::Events events;
    events.on_proven = [this] {
      health_.note_capture(true, "proven");
      ready("capture proven");
    };
    events.on_unproven = [this](const std::string& why) {
      health_.note_capture(false, "not proven: " + why);
      log::warning("not ready: {}; has `sidelock init` run in this pod with the same settings?", why);
    };
    events.on_given_up = [this](const std::string& why) {
      log::error("capture not proven for {} s: {}; run `sidelock init` with the same settings first",
                 std::chrono::duration<double>(settings_.capture.capture_timeout).count(), why);
      finish(ExitCode::kVerificationFailed);
    };
    proof_.emplace(settings_.capture, reactor_, std::move(events));
  }
  for (const auto& worker : workers_) worker->start();
  drop_privileges();  // the workers have what they need; each thread's capabilities are its own
  health_.note_listening(port_count());
  serve_admin();
  signal_handling_ = handle_signals();
  draining_ = drain_when_told();  // begun now: when the signal comes, there may be no memory to begin anything with
  credential_watch_.emplace(settings_.tls, reactor_, [this] { return reload(); });
  credential_watch_->start();
  reminder_.emplace(reactor_, [this] { warn_of_expiry(files_); });
  if (proof_) {
    proof_->start();
  } else {
    health_.note_no_capture();
    ready("no capture");
  }
  reactor_.run();
  admin_.reset();
  workers_.clear();
  return exit_code_;
}

void Supervisor::serve_admin() {
  if (!admin_listener_ && !status_listener_) return;
  admin_.emplace(settings_, AdminService::Watched{reactor_, health_, workers_, limits_});
  admin_->serve(std::move(admin_listener_), std::move(status_listener_));
}

void Supervisor::ready(const std::string& how) {
  if (is_terminating_) return;
  const std::string ports = settings_.capture.is_any_port ? "any port" : fmt::format("{} port(s)", port_count());
  log::info("ready: {}, {}", how, ports);
}

std::size_t Supervisor::port_count() const {
  return std::max(settings_.captured_ports.size(), settings_.listeners.size());
}

Background Supervisor::handle_signals() {
  for (;;) {
    co_await signals_.readable();
    signalfd_siginfo signal{};
    if (::read(signals_.fd(), &signal, sizeof signal) != sizeof signal) {
      signals_.note_drained();
      continue;
    }
    if (signal.ssi_signo == SIGHUP) {
      reload();
    } else {
      terminate();
    }
  }
}

// False when there was no memory for it, so that it is worth another try.
bool Supervisor::reload() {
  try {
    TlsFiles files = load_tls_files(settings_.tls);
    std::vector<std::shared_ptr<const TlsContext>> contexts;
    for (std::size_t i = 0; i < workers_.size(); ++i) {
      contexts.push_back(std::make_shared<const TlsContext>(settings_.tls, files, tickets_));
    }
    tickets_->replace_all(Clock::now());
    health_.note_credentials(files.credentials, true);
    // From here on nothing can fail: either all workers have the new one, or none.
    for (std::size_t i = 0; i < workers_.size(); ++i) workers_[i]->use_context(std::move(contexts[i]));
    files_ = std::move(files);
  } catch (const std::exception& failure) {
    health_.note_failed_reload();
    log::error("credential not reloaded, the last good one stays in use: {}", failure.what());
    return dynamic_cast<const std::bad_alloc*>(&failure) == nullptr;
  }
  announce(files_);
  log::info("credential reloaded: new handshakes use it");
  return true;
}

void Supervisor::terminate() {
  if (is_terminating_) {
    log::warning("second signal: ending at once");
    log::stop(kLogPatience);
    ::_exit(static_cast<int>(ExitCode::kFailure));
  }
  is_terminating_ = true;
  health_.note_draining();
  reactor_.schedule_all(waiting_for_termination_);
}

Background Supervisor::drain_when_told() {
  WaitIn termination{waiting_for_termination_};
  co_await termination;

  const auto& limits = settings_.limits;
  log::info("draining: new connections are still served for {} s, open ones for {} s more",
            std::chrono::duration<double>(limits.drain_delay).count(),
            std::chrono::duration<double>(limits.drain_timeout).count());
  co_await reactor_.sleep(limits.drain_delay);

  for (const auto& worker : workers_) {
    worker->drain([this] { ++drained_workers_; });
  }
  constexpr std::chrono::milliseconds kLook{10};
  const Clock::time_point give_up = reactor_.now() + limits.drain_timeout;
  while (drained_workers_ < workers_.size() && reactor_.now() < give_up) co_await reactor_.sleep(kLook);
  if (drained_workers_ < workers_.size()) {
    log::warning("drain timeout: {} connection(s) are reset", open_connections());
    for (const auto& worker : workers_) worker->abort_connections();
    const Clock::time_point leave = reactor_.now() + kAbortPatience;
    while (drained_workers_ < workers_.size() && reactor_.now() < leave) co_await reactor_.sleep(kLook);
  } else {
    log::info("drained");
  }
  finish(ExitCode::kOk);
}

void Supervisor::finish(ExitCode code) {
  exit_code_ = code;
  reactor_.stop();
}

std::uint64_t Supervisor::open_connections() const {
  std::uint64_t open = 0;
  for (const auto& worker : workers_) {
    for (const PortCounters& port : worker->port_counters()) open += port.open.value();
  }
  return open;
}

}  // namespace

ExitCode run(const Settings& settings) {
  Supervisor supervisor{settings};
  return supervisor.serve();
}

}  // namespace sidelock
