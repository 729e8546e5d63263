// /status.json. See status.h.
#include "admin/health.h"
#include "admin/status.h"
#include "base/json_writer.h"

namespace sidelock {

namespace {

double seconds(std::chrono::system_clock::time_point time) {
  return std::chrono::duration<double>(time.time_since_epoch()).count();
}

void add(JsonWriter& json, std::string_view name, const std::vector<NamedCount>& counts) {
  json.begin_object(name);
  for (const auto& [each, count] : counts) json.add(each, count);
  json.end_object();
}

void add_port(JsonWriter& json, const PortFacts& port, const StatusFacts& facts) {
  json.begin_object();
  json.add("port", port.label);
  json.begin_array("leads_to");
  for (const std::string& each : port.leads_to) json.add(each);
  json.end_array();
  json.begin_array("policy");
  for (const auto& word : port.policy) json.add(word.text);
  json.end_array();
  for (const PortSnapshot& counted : facts.counted.ports) {
    if (counted.label != port.label) continue;
    json.add("accepted", counted.accepted);
    json.add("open", counted.open);
    json.add("received_from_clients", counted.received_from_client);
    json.add("sent_to_clients", counted.sent_to_client);
  }
  json.end_object();
}

void add_certificates(JsonWriter& json, const std::vector<CertificateSnapshot>& certificates) {
  json.begin_array("certificates");
  for (const CertificateSnapshot& each : certificates) {
    json.begin_object();
    json.add("source", each.source);
    json.add("subject", each.subject);
    json.add("not_before", seconds(each.not_before));
    json.add("not_after", seconds(each.not_after));
    json.end_object();
  }
  json.end_array();
}

void add_messages(JsonWriter& json, const std::vector<log::RecentMessage>& messages) {
  json.begin_array("messages");
  for (const log::RecentMessage& each : messages) {
    json.begin_object();
    json.add("time", seconds(each.time));
    json.add("level", each.level == log::Level::kError ? "error" : "warning");
    json.add("message", each.text);
    json.add("count", each.count);
    json.end_object();
  }
  json.end_array();
}

}  // namespace

std::string status_json(const StatusFacts& facts) {
  const StatusTotals sum = totals(facts.counted);
  JsonWriter whole{JsonWriter::Text::kAscii};
  whole.add("version", facts.counted.version);
  whole.add("openssl", facts.counted.openssl_version);
  whole.add("uptime_seconds", seconds(facts.now) - facts.process.start_time_seconds);
  whole.add("connections_open", sum.open);
  whole.add("connections_limit", facts.counted.connections_limit);
  whole.add("received_from_clients", sum.received_from_clients);
  whole.add("sent_to_clients", sum.sent_to_clients);
  whole.add("handshakes_ok", sum.handshakes_ok);
  whole.add("handshakes_failed", sum.handshakes_failed);
  add(whole, "handshakes", handshake_results(facts.counted));
  add(whole, "closed", connection_endings(facts.counted));
  whole.begin_array("ports");
  for (const PortFacts& port : facts.ports) add_port(whole, port, facts);
  whole.end_array();
  whole.add("capture", facts.capture);
  add_checks(whole, facts.health.ready);
  add_certificates(whole, facts.counted.certificates);
  add_messages(whole, facts.messages);
  return whole.take() + '\n';
}

}  // namespace sidelock
