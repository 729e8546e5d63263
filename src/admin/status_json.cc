// /status.json. See status.h.
#include <nlohmann/json.hpp>

#include "admin/status.h"

namespace sidelock {

namespace {

using Json = nlohmann::ordered_json;

double seconds(std::chrono::system_clock::time_point time) {
  return std::chrono::duration<double>(time.time_since_epoch()).count();
}

Json named(const std::vector<NamedCount>& counts) {
  Json object = Json::object();
  for (const auto& [name, count] : counts) object[name] = count;
  return object;
}

Json ports(const StatusFacts& facts) {
  Json list = Json::array();
  for (const PortFacts& port : facts.ports) {
    Json one{{"port", port.label}, {"leads_to", port.leads_to}, {"policy", Json::array()}};
    for (const auto& word : port.policy) one["policy"].push_back(word.text);
    for (const PortSnapshot& counted : facts.counted.ports) {
      if (counted.label != port.label) continue;
      one["accepted"] = counted.accepted;
      one["open"] = counted.open;
      one["received_from_clients"] = counted.received_from_client;
      one["sent_to_clients"] = counted.sent_to_client;
    }
    list.push_back(std::move(one));
  }
  return list;
}

std::string_view name(HealthCheck::State state) {
  return state == HealthCheck::State::kOk ? "ok" : state == HealthCheck::State::kWarning ? "warning" : "failed";
}

}  // namespace

std::string status_json(const StatusFacts& facts) {
  const StatusTotals sum = totals(facts.counted);
  Json whole;
  whole["version"] = facts.counted.version;
  whole["openssl"] = facts.counted.openssl_version;
  whole["uptime_seconds"] = seconds(facts.now) - facts.process.start_time_seconds;
  whole["connections_open"] = sum.open;
  whole["connections_limit"] = facts.counted.connections_limit;
  whole["received_from_clients"] = sum.received_from_clients;
  whole["sent_to_clients"] = sum.sent_to_clients;
  whole["handshakes_ok"] = sum.handshakes_ok;
  whole["handshakes_failed"] = sum.handshakes_failed;
  whole["handshakes"] = named(handshake_results(facts.counted));
  whole["closed"] = named(connection_endings(facts.counted));
  whole["ports"] = ports(facts);
  whole["capture"] = facts.capture;
  whole["checks"] = Json::array();
  for (const HealthCheck& check : facts.health.ready) {
    whole["checks"].push_back({{"name", check.name}, {"status", name(check.state)}, {"message", check.text}});
  }
  whole["certificates"] = Json::array();
  for (const CertificateSnapshot& each : facts.counted.certificates) {
    whole["certificates"].push_back({{"source", each.source},
                                     {"subject", each.subject},
                                     {"not_before", seconds(each.not_before)},
                                     {"not_after", seconds(each.not_after)}});
  }
  whole["messages"] = Json::array();
  for (const log::RecentMessage& each : facts.messages) {
    whole["messages"].push_back({{"time", seconds(each.time)},
                                 {"level", each.level == log::Level::kError ? "error" : "warning"},
                                 {"message", each.text},
                                 {"count", each.count}});
  }
  return whole.dump(-1, ' ', true, Json::error_handler_t::replace) + '\n';
}

}  // namespace sidelock
