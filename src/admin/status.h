// What is served on --status-address: a page for people, and the same facts as JSON for its plots.
#pragma once

#include <chrono>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "admin/http_server.h"
#include "admin/process.h"
#include "admin/snapshot.h"
#include "base/address.h"
#include "base/log_recent.h"

namespace sidelock {

// How connections to one port are served, in words.
struct PortFacts {
  struct Word {
    std::string text;
    bool is_warning = false;  // weakens what TLS protects
  };
  std::string label;                  // that of its PortSnapshot
  std::vector<std::string> leads_to;  // more than one when pairs of --listen share a port
  std::vector<Word> policy;           // what differs from the defaults
};

// Everything that the page shows, at one moment.
struct StatusFacts {
  Snapshot counted;
  std::vector<PortFacts> ports;  // in the order to show them
  std::string capture;           // how connections reach us, in words
  HealthReport health;
  ProcessFacts process;
  std::vector<log::RecentMessage> messages;  // the latest first
  std::chrono::system_clock::time_point now;
};

// Answers / and /status.json, both at most a second old; `look` is called in the server's thread. A request whose Host
// is not one by which people reach `address` is refused: a name that an attacker points here (DNS rebinding) is not.
HttpServer::Handler status_paths(const Endpoint& address, std::function<StatusFacts()> look);

std::string status_html(const StatusFacts& facts);
std::string status_json(const StatusFacts& facts);

// Whether a Host header, with or without a port, means localhost, a loopback address, or the address that is served; if
// that is every address, any address but no name.
bool is_status_host(std::string_view host, const IpAddress& served);

struct StatusTotals {
  std::uint64_t open = 0;
  std::uint64_t received_from_clients = 0;
  std::uint64_t sent_to_clients = 0;
  std::uint64_t handshakes_ok = 0;
  std::uint64_t handshakes_failed = 0;
};
StatusTotals totals(const Snapshot& snapshot);

// Sums over the ports of what is not zero, the most frequent first.
std::vector<NamedCount> handshake_results(const Snapshot& snapshot);
std::vector<NamedCount> connection_endings(const Snapshot& snapshot);

// "2026-11-25 21:00 UTC"
std::string utc_minute(std::chrono::system_clock::time_point time);

}  // namespace sidelock
