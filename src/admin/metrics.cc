// See metrics.h. The families are made anew for each answer: there is no registry that the data path would have to
// feed.
#include "admin/metrics.h"

#include <cmath>
#include <functional>
#include <limits>
#include <sstream>

#include <prometheus/metric_family.h>
#include <prometheus/text_serializer.h>

namespace sidelock {

namespace {

using prometheus::ClientMetric;
using prometheus::MetricFamily;
using prometheus::MetricType;
using Labels = std::vector<ClientMetric::Label>;

double seconds(std::chrono::system_clock::time_point time) {
  return std::chrono::duration<double>(time.time_since_epoch()).count();
}

class Families {
 public:
  // Begins a family; what is added next belongs to it.
  void begin(MetricType type, std::string name, std::string help) {
    families_.push_back({"sidelock_" + std::move(name), std::move(help), type, {}});
  }
  void begin_process(MetricType type, std::string name, std::string help) {
    families_.push_back({"process_" + std::move(name), std::move(help), type, {}});
  }
  void add(Labels labels, double value) {
    ClientMetric metric;
    metric.label = std::move(labels);
    if (families_.back().type == MetricType::Counter) {
      metric.counter.value = value;
    } else {
      metric.gauge.value = value;
    }
    families_.back().metric.push_back(std::move(metric));
  }
  void add(Labels labels, std::uint64_t value) { add(std::move(labels), static_cast<double>(value)); }
  void add(Labels labels, const DurationSnapshot& durations) {
    ClientMetric metric;
    metric.label = std::move(labels);
    auto& histogram = metric.histogram;
    for (std::size_t i = 0; i < durations.buckets.size(); ++i) {
      histogram.sample_count += durations.buckets[i];
      const bool is_last = i == durations.bounds.size();
      const double bound = is_last ? std::numeric_limits<double>::infinity() : durations.bounds[i];
      histogram.bucket.push_back({histogram.sample_count, bound});
    }
    histogram.sample_sum = durations.seconds;
    families_.back().metric.push_back(std::move(metric));
  }
  [[nodiscard]] std::string text() const {
    std::ostringstream out;
    prometheus::TextSerializer{}.Serialize(out, families_);
    return out.str();
  }

 private:
  std::vector<MetricFamily> families_;
};

void add_connections(Families& families, const std::vector<PortSnapshot>& ports) {
  families.begin(MetricType::Counter, "connections_accepted_total", "Connections taken from the kernel.");
  for (const PortSnapshot& port : ports) families.add({{"port", port.label}}, port.accepted);
  families.begin(MetricType::Gauge, "connections_open", "Connections that are served now.");
  for (const PortSnapshot& port : ports) families.add({{"port", port.label}}, port.open);
  families.begin(MetricType::Counter, "connections_closed_total", "Connections that have ended, by reason.");
  for (const PortSnapshot& port : ports) {
    for (const auto& [reason, count] : port.closed) families.add({{"port", port.label}, {"reason", reason}}, count);
  }
}

void add_bytes(Families& families, const std::vector<PortSnapshot>& ports) {
  families.begin(MetricType::Counter, "received_bytes_total",
                 "Application bytes received from a peer, counted while they flow.");
  for (const PortSnapshot& port : ports) {
    families.add({{"port", port.label}, {"peer", "client"}}, port.received_from_client);
    families.add({{"port", port.label}, {"peer", "app"}}, port.received_from_app);
  }
  families.begin(MetricType::Counter, "sent_bytes_total",
                 "Application bytes handed to the kernel for a peer, counted while they flow.");
  for (const PortSnapshot& port : ports) {
    families.add({{"port", port.label}, {"peer", "client"}}, port.sent_to_client);
    families.add({{"port", port.label}, {"peer", "app"}}, port.sent_to_app);
  }
}

void add_handshakes(Families& families, const std::vector<PortSnapshot>& ports) {
  families.begin(MetricType::Counter, "handshakes_total", "TLS handshakes, by how they went and what was agreed on.");
  for (const PortSnapshot& port : ports) {
    for (const HandshakeCount& each : port.handshakes) {
      families.add({{"port", port.label},
                    {"result", each.result},
                    {"version", each.version},
                    {"group", each.group},
                    {"resumed", each.resumed}},
                   each.count);
    }
  }
  families.begin(MetricType::Counter, "handshake_ciphers_total", "Finished TLS handshakes, by cipher suite.");
  for (const PortSnapshot& port : ports) {
    for (const auto& [cipher, count] : port.ciphers) families.add({{"port", port.label}, {"cipher", cipher}}, count);
  }
  families.begin(MetricType::Histogram, "handshake_duration_seconds",
                 "From the whole ClientHello to the end of a handshake that succeeded.");
  for (const PortSnapshot& port : ports) families.add({{"port", port.label}}, port.handshake_duration);
}

void add_upstream(Families& families, const std::vector<PortSnapshot>& ports) {
  families.begin(MetricType::Histogram, "upstream_connect_duration_seconds",
                 "Connecting to the app, when it succeeded.");
  for (const PortSnapshot& port : ports) families.add({{"port", port.label}}, port.connect_duration);
  families.begin(MetricType::Counter, "upstream_connect_failures_total",
                 "Connects to the app that failed, by the kernel's error.");
  for (const PortSnapshot& port : ports) {
    for (const auto& [error, count] : port.connect_errors) {
      families.add({{"port", port.label}, {"errno", error}}, count);
    }
  }
}

void add_exceptions(Families& families, const std::vector<PortSnapshot>& ports) {
  families.begin(MetricType::Counter, "plaintext_connections_total",
                 "Connections that --plaintext allow has let through without TLS.");
  for (const PortSnapshot& port : ports) families.add({{"port", port.label}}, port.plaintext);
  families.begin(MetricType::Counter, "upstream_sources_lost_total",
                 "Connections to the app that --preserve-source prefer could not make from the client's address.");
  for (const PortSnapshot& port : ports) families.add({{"port", port.label}}, port.lost_sources);
}

void add_certificates(Families& families, const Snapshot& snapshot) {
  families.begin(MetricType::Gauge, "certificate_not_before_timestamp_seconds", "When the certificate becomes valid.");
  for (const auto& each : snapshot.certificates) families.add({{"source", each.source}}, seconds(each.not_before));
  families.begin(MetricType::Gauge, "certificate_not_after_timestamp_seconds", "When the certificate expires.");
  for (const auto& each : snapshot.certificates) families.add({{"source", each.source}}, seconds(each.not_after));
  families.begin(MetricType::Counter, "certificate_reloads_total", "Attempts to load changed certificates and keys.");
  families.add({{"result", "ok"}}, snapshot.reloads_succeeded);
  families.add({{"result", "failed"}}, snapshot.reloads_failed);
}

void add_program(Families& families, const Snapshot& snapshot) {
  if (snapshot.is_capture_verified) {
    families.begin(MetricType::Gauge, "capture_verified",
                   "1 while the latest proof that connections are captured succeeded, else 0.");
    families.add({}, *snapshot.is_capture_verified ? 1.0 : 0.0);
  }
  families.begin(MetricType::Gauge, "workers", "Threads that serve connections.");
  families.add({}, snapshot.workers);
  families.begin(MetricType::Gauge, "connections_limit", "The most connections at a time.");
  families.add({}, snapshot.connections_limit);
  families.begin(MetricType::Counter, "log_records_dropped_total",
                 "Log lines lost because their reader was too slow, or for lack of memory.");
  families.add({}, snapshot.log_lines_dropped);
  families.begin(MetricType::Gauge, "build_info", "Always 1; the labels tell what runs.");
  families.add({{"version", snapshot.version}, {"openssl", snapshot.openssl_version}}, 1.0);
}

void add_process(Families& families, const ProcessFacts& process) {
  families.begin_process(MetricType::Counter, "cpu_seconds_total", "Processor time used.");
  families.add({}, process.cpu_seconds);
  families.begin_process(MetricType::Gauge, "start_time_seconds", "When the process began.");
  families.add({}, process.start_time_seconds);
  families.begin_process(MetricType::Gauge, "resident_memory_bytes", "Memory in use.");
  families.add({}, process.resident_bytes);
  families.begin_process(MetricType::Gauge, "virtual_memory_bytes", "Address space in use.");
  families.add({}, process.virtual_bytes);
  families.begin_process(MetricType::Gauge, "open_fds", "Open file descriptors.");
  families.add({}, process.open_descriptors);
  families.begin_process(MetricType::Gauge, "max_fds", "The limit of open file descriptors.");
  families.add({}, process.most_descriptors);
  families.begin_process(MetricType::Gauge, "threads", "Threads of the process.");
  families.add({}, process.threads);
}

}  // namespace

std::string metrics_text(const Snapshot& snapshot, const ProcessFacts& process) {
  // Connections that are no port's are rare: until there is one, only that there is none is of interest.
  std::vector<PortSnapshot> used = snapshot.ports;
  std::erase_if(used, [](const PortSnapshot& port) { return port.label == "other" && port.accepted == 0; });
  Families families;
  add_connections(families, snapshot.ports);
  add_handshakes(families, used);
  add_bytes(families, used);
  add_upstream(families, used);
  add_exceptions(families, used);
  add_certificates(families, snapshot);
  add_program(families, snapshot);
  add_process(families, process);
  return families.text();
}

}  // namespace sidelock
