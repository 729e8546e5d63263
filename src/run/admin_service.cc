// See admin_service.h.
#include "run/admin_service.h"

#include <fmt/format.h>

#include "admin/admin.h"
#include "base/log.h"
#include "proxy/original_destination.h"
#include "run/observation.h"
#include "run/port_facts.h"
#include "tls/features.h"

namespace sidelock {

namespace {

// Somebody captures more than we serve.
std::vector<HealthCheck> check_configuration(const std::vector<std::unique_ptr<Worker>>& workers) {
  std::uint64_t count = 0;
  for (const auto& worker : workers) {
    const PortCounters& unknown = worker->port_counters()[PortIndex::kOther];
    count += unknown.closed[static_cast<std::size_t>(Outcome::kNotConfigured)].value();
  }
  if (count == 0) return {};
  return {{"configuration", HealthCheck::State::kWarning,
           fmt::format("{} connection(s) were captured for ports that are not configured here", count)}};
}

}  // namespace

AdminService::AdminService(const Settings& settings, Watched watched) : settings_{settings}, watched_{watched} {
  Reactor& supervisor = watched_.supervisor;
  pulse_.add("supervisor", [&supervisor](std::function<void()> work) { supervisor.post(std::move(work)); });
  for (std::size_t i = 0; i < watched_.workers.size(); ++i) {
    Reactor& reactor = watched_.workers[i]->reactor();
    pulse_.add(fmt::format("worker {}", i), [&reactor](std::function<void()> work) { reactor.post(std::move(work)); });
  }
}

void AdminService::serve(Fd admin, Fd status) {
  if (admin) {
    server_.serve(std::move(admin), admin_paths({[this] { return health(); }, [this] { return snapshot(); }}));
    log::info("health and metrics are at {}", settings_.admin.address->to_string());
  }
  if (status) {
    const Endpoint address = local_destination(status.get()).endpoint;  // ::1 where there is no 127.0.0.1
    server_.serve(std::move(status), status_paths(address, [this] { return this->status(); }));
    log::info("the status page is at http://{}/", address.to_string());
  }
  server_.start();
}

StatusFacts AdminService::status() {
  StatusFacts facts;
  facts.counted = snapshot();
  facts.ports = port_facts(settings_, facts.counted.ports);
  facts.capture = capture_in_words(settings_.capture);
  facts.health = health();
  facts.process = process_facts();
  facts.messages = log::recent();
  facts.now = std::chrono::system_clock::now();
  return facts;
}

HealthReport AdminService::health() {
  HealthReport report = watched_.health.report(std::chrono::system_clock::now());
  report.live = pulse_.look(Clock::now());
  for (HealthCheck& check : check_configuration(watched_.workers)) report.ready.push_back(std::move(check));
  return report;
}

Snapshot AdminService::snapshot() const {
  Snapshot snapshot;
  snapshot.ports = observe_ports(watched_.workers);
  watched_.health.observe(snapshot);
  snapshot.workers = watched_.limits.workers;
  snapshot.connections_limit = watched_.limits.connections;
  snapshot.log_lines_dropped = log::dropped();
  snapshot.version = SIDELOCK_VERSION;
  snapshot.openssl_version = openssl_version();
  return snapshot;
}

}  // namespace sidelock
