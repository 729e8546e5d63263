// What run tells the admin server at one moment, as plain values: its health and everything it has counted.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace sidelock {

// One thing that health looks at.
struct HealthCheck {
  enum class State { kOk, kWarning, kFailed };
  std::string name;  // "capture"
  State state = State::kOk;
  std::string text;  // one line; printable
};

struct HealthReport {
  std::vector<HealthCheck> live;
  std::vector<HealthCheck> started;
  std::vector<HealthCheck> ready;
};

using NamedCount = std::pair<std::string, std::uint64_t>;

// How many took how long: counts between bounds, not cumulative; the last bucket is above the last bound.
struct DurationSnapshot {
  std::vector<double> bounds;  // seconds
  std::vector<std::uint64_t> buckets;
  double seconds = 0;  // in all
};

struct HandshakeCount {
  std::string result;  // "ok", or why there was none
  std::string version;
  std::string group;
  std::string resumed;  // "true", "false"; like the two above empty unless the result is "ok"
  std::uint64_t count = 0;
};

struct PortSnapshot {
  std::string label;
  std::uint64_t accepted = 0;
  std::uint64_t open = 0;
  std::vector<NamedCount> closed;  // by outcome
  std::uint64_t received_from_client = 0;
  std::uint64_t sent_to_client = 0;
  std::uint64_t received_from_app = 0;
  std::uint64_t sent_to_app = 0;
  std::vector<HandshakeCount> handshakes;
  std::vector<NamedCount> ciphers;
  DurationSnapshot handshake_duration;
  DurationSnapshot connect_duration;
  std::vector<NamedCount> connect_errors;
  std::uint64_t plaintext = 0;     // let through without TLS
  std::uint64_t lost_sources = 0;  // connections to the app that are not from the client's address, against our wish
};

struct CertificateSnapshot {
  std::string source;   // file names
  std::string subject;  // printable
  std::chrono::system_clock::time_point not_before;
  std::chrono::system_clock::time_point not_after;
};

struct Snapshot {
  std::vector<PortSnapshot> ports;
  std::vector<CertificateSnapshot> certificates;
  std::uint64_t reloads_succeeded = 0;
  std::uint64_t reloads_failed = 0;
  std::optional<bool> is_capture_verified;  // nothing with --capture none
  std::uint64_t workers = 0;
  std::uint64_t connections_limit = 0;
  std::uint64_t log_lines_dropped = 0;
  std::string version;
  std::string openssl_version;
};

}  // namespace sidelock
