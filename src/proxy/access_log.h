// One line for each connection at its end, for people or machines, in OpenTelemetry's attribute names where they exist.
#pragma once

#include <chrono>
#include <optional>
#include <string>

#include "base/address.h"
#include "proxy/outcome.h"
#include "tls/stream.h"

namespace sidelock {

struct AccessRecord {
  ClientAddress client;
  OriginalDestination destination;  // port 0: never found out
  AppAddress app;                   // port 0: never dialled
  TlsFacts tls;
  bool is_plaintext = false;  // served without TLS, by --plaintext allow
  Outcome outcome = Outcome::kInternal;
  std::string failure;                      // why, in OpenSSL's or the kernel's words; may hold untrusted text
  std::optional<bool> is_source_preserved;  // none: not asked for
  std::string unique_id;                    // as the app knows the connection
  std::uint64_t received_bytes = 0;
  std::uint64_t sent_bytes = 0;
  std::chrono::duration<double> duration{0};  // seconds
};

// The record as one line in the given form, without a line end; all untrusted text made printable.
std::string plain_access_line(const AccessRecord& record);
std::string json_access_line(const AccessRecord& record);

// Hands the record to the log in the log's format.
void log_access(const AccessRecord& record);

}  // namespace sidelock
