// See access_log.h.
#include "proxy/access_log.h"

#include "base/json_writer.h"
#include "base/log.h"
#include "base/log_limited.h"

namespace sidelock {

std::string plain_access_line(const AccessRecord& record) {
  std::string line = fmt::format("{} access  {} -> {}", log::timestamp(), record.client.endpoint.to_string(),
                                 record.destination.endpoint.port == 0 ? "?" : record.destination.endpoint.to_string());
  if (record.app.endpoint.port != 0) line += " -> " + record.app.endpoint.to_string();
  line += fmt::format(" {}", name(record.outcome));
  if (record.is_plaintext) line += " PLAINTEXT";
  if (!record.tls.version.empty()) {
    line += fmt::format(" TLS {} {} {}{}", record.tls.version, record.tls.cipher, record.tls.group,
                        record.tls.is_resumed ? " resumed" : "");
  }
  if (!record.tls.server_name.empty()) line += " sni=" + log::printable(record.tls.server_name);
  if (!record.tls.protocol.empty()) line += " alpn=" + log::printable(record.tls.protocol);
  if (record.tls.has_client_certificate) line += " client=" + log::printable(record.tls.client_subject);
  line +=
      fmt::format(" received={} sent={} {:.3f}s", record.received_bytes, record.sent_bytes, record.duration.count());
  if (record.is_source_preserved == false) line += " source-not-preserved";
  if (!record.unique_id.empty()) line += " id=" + record.unique_id;
  if (!record.failure.empty()) line += fmt::format(" ({})", log::printable(record.failure));
  return line;
}

std::string json_access_line(const AccessRecord& record) {
  JsonWriter line;
  line.add("time", log::timestamp());
  line.add("level", "info");
  line.add("message", "connection");
  line.add("client.address", record.client.endpoint.address.to_string());
  line.add("client.port", record.client.endpoint.port);
  if (record.destination.endpoint.port != 0) {
    line.add("server.address", record.destination.endpoint.address.to_string());
    line.add("server.port", record.destination.endpoint.port);
  }
  if (record.app.endpoint.port != 0) line.add("upstream.address", record.app.endpoint.to_string());
  if (record.is_plaintext) line.add("tls.established", false);
  if (!record.tls.version.empty()) {
    line.add("tls.protocol.version", record.tls.version);
    line.add("tls.cipher", record.tls.cipher);
    line.add("tls.curve", record.tls.group);
    line.add("tls.resumed", record.tls.is_resumed);
  }
  if (!record.tls.protocol.empty()) line.add("tls.next_protocol", log::printable(record.tls.protocol));
  if (!record.tls.server_name.empty()) line.add("tls.client.server_name", log::printable(record.tls.server_name));
  if (record.is_source_preserved) line.add("upstream.source_preserved", *record.is_source_preserved);
  if (!record.unique_id.empty()) line.add("proxy_protocol.unique_id", record.unique_id);
  if (record.tls.has_client_certificate) line.add("tls.client.subject", log::printable(record.tls.client_subject));
  line.add("outcome", name(record.outcome));
  if (!is_routine_ending(record.outcome)) line.add("error.type", name(record.outcome));
  if (!record.failure.empty()) line.add("error.message", log::printable(record.failure));
  line.add("received_bytes", record.received_bytes);
  line.add("sent_bytes", record.sent_bytes);
  line.add("duration", record.duration.count());
  return line.take();
}

namespace {

// Of what anybody can do to us without having shown who they are, the first ones in ten seconds tell enough.
constexpr std::uint64_t kFirstRefusals = 100;

bool can_anybody_cause(const AccessRecord& record) {
  const Outcome outcome = record.outcome;
  const bool is_app_missing =
      outcome == Outcome::kAppRefused || outcome == Outcome::kAppUnreachable || outcome == Outcome::kConnectTimeout;
  if (is_app_missing && record.tls.version.empty()) return true;  // --connect-first: a ClientHello is enough
  return is_handshake_ending(outcome) || outcome == Outcome::kNotCaptured || outcome == Outcome::kNotConfigured ||
         outcome == Outcome::kForeignDestination || outcome == Outcome::kLoop;
}

}  // namespace

void log_access(const AccessRecord& record) {
  const std::string line = log::format() == log::Format::kPlain ? plain_access_line(record) : json_access_line(record);
  if (!can_anybody_cause(record)) return log::write_raw(line);
  log::write_limited(fmt::format("connections that ended as {}", name(record.outcome)), kFirstRefusals, line);
}

}  // namespace sidelock
