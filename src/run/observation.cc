// See observation.h.
#include "run/observation.h"

#include <algorithm>
#include <cstring>

namespace sidelock {

namespace {

using Workers = std::vector<std::unique_ptr<Worker>>;

// What is asked about one label, summed over the workers.
class Sum {
 public:
  Sum(const Workers& workers, std::size_t index) : workers_{workers}, index_{index} {}

  template <class Get>
  [[nodiscard]] std::uint64_t of(Get get) const {
    std::uint64_t sum = 0;
    for (const auto& worker : workers_) sum += get(worker->port_counters()[index_]).value();
    return sum;
  }
  [[nodiscard]] DurationSnapshot of(DurationCounter PortCounters::*durations) const {
    DurationSnapshot sum;
    sum.bounds.assign(DurationCounter::kBounds.begin(), DurationCounter::kBounds.end());
    sum.buckets.resize(DurationCounter::kBuckets);
    for (const auto& worker : workers_) {
      const DurationCounter& one = worker->port_counters()[index_].*durations;
      for (std::size_t i = 0; i < sum.buckets.size(); ++i) sum.buckets[i] += one.bucket(i).value();
      sum.seconds += static_cast<double>(one.nanoseconds()) / 1e9;
    }
    return sum;
  }

 private:
  const Workers& workers_;
  std::size_t index_;
};

template <class List>
std::string name_or_other(const List& names, std::size_t index) {
  return std::string{index < names.size() ? names[index] : kOtherName};
}

// "handshake_failed" -> "failed": what the result is of is said already.
std::string result_name(Outcome outcome) {
  const std::string_view whole = name(outcome);
  constexpr std::string_view kPrefix = "handshake_";
  return std::string{whole.starts_with(kPrefix) ? whole.substr(kPrefix.size()) : whole};
}

std::vector<HandshakeCount> handshakes(const Sum& sum, const std::vector<NamedCount>& closed) {
  std::vector<HandshakeCount> counts;
  for (std::size_t version = 0; version <= kVersionNames.size(); ++version) {
    for (std::size_t group = 0; group <= kGroupNames.size(); ++group) {
      for (const std::size_t resumed : {0U, 1U}) {
        const auto count = sum.of(
            [&](const PortCounters& port) -> const Counter& { return port.handshakes[version][group][resumed]; });
        // Only what has happened: most of these combinations never do.
        if (count == 0) continue;
        counts.push_back({"ok", name_or_other(kVersionNames, version), name_or_other(kGroupNames, group),
                          resumed == 1 ? "true" : "false", count});
      }
    }
  }
  for (std::size_t i = 0; i < kOutcomeNames.size(); ++i) {
    const auto outcome = static_cast<Outcome>(i);
    if (is_handshake_ending(outcome)) counts.push_back({result_name(outcome), "", "", "", closed[i].second});
  }
  return counts;
}

std::vector<NamedCount> without_zeros(std::vector<NamedCount> counts) {
  std::erase_if(counts, [](const NamedCount& each) { return each.second == 0; });
  return counts;
}

PortSnapshot observe(const Sum& sum, const std::string& label) {
  const auto of = [&sum](Counter PortCounters::*counter) {
    return sum.of([counter](const PortCounters& port) -> const Counter& { return port.*counter; });
  };
  PortSnapshot port;
  port.label = label;
  // Ended before accepted, so that what begins in between never makes more ended than accepted.
  for (std::size_t i = 0; i < kOutcomeNames.size(); ++i) {
    port.closed.emplace_back(kOutcomeNames[i],
                             sum.of([i](const PortCounters& each) -> const Counter& { return each.closed[i]; }));
  }
  port.open = of(&PortCounters::open);
  port.accepted = of(&PortCounters::accepted);
  port.received_from_client = of(&PortCounters::received_from_client);
  port.sent_to_client = of(&PortCounters::sent_to_client);
  port.received_from_app = of(&PortCounters::received_from_app);
  port.sent_to_app = of(&PortCounters::sent_to_app);
  port.handshakes = handshakes(sum, port.closed);
  for (std::size_t i = 0; i <= kCipherNames.size(); ++i) {
    port.ciphers.emplace_back(name_or_other(kCipherNames, i),
                              sum.of([i](const PortCounters& each) -> const Counter& { return each.ciphers[i]; }));
  }
  port.ciphers = without_zeros(std::move(port.ciphers));
  port.handshake_duration = sum.of(&PortCounters::handshake_duration);
  port.connect_duration = sum.of(&PortCounters::connect_duration);
  for (std::size_t i = 0; i <= kConnectErrors.size(); ++i) {
    const std::string error{i < kConnectErrors.size() ? ::strerrorname_np(kConnectErrors[i]) : kOtherName.data()};
    port.connect_errors.emplace_back(
        error, sum.of([i](const PortCounters& each) -> const Counter& { return each.connect_errors[i]; }));
  }
  port.connect_errors = without_zeros(std::move(port.connect_errors));
  port.plaintext = of(&PortCounters::plaintext);
  port.lost_sources = of(&PortCounters::lost_sources);
  return port;
}

}  // namespace

std::vector<PortSnapshot> observe_ports(const Workers& workers) {
  std::vector<PortSnapshot> ports;
  const std::vector<std::string>& labels = workers.front()->port_index().labels();
  for (std::size_t index = 0; index < labels.size(); ++index) {
    ports.push_back(observe(Sum{workers, index}, labels[index]));
  }
  return ports;
}

}  // namespace sidelock
