// What is left of an SSL object when a connection goes on without it.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "tls/key_schedule.h"
#include "tls/record_protection.h"
#include "tls/transport.h"

namespace sidelock {

// Nothing of what the client has sent after its Finished has been opened yet.
struct Inheritance {
  Suite suite;
  TrafficSecrets secrets;
  std::vector<std::byte> records;    // sealed by OpenSSL with the server's secret, to be sent before any other
  std::uint64_t sealed_records = 0;  // how many these are
};

// Right after a handshake, with everything sent that it has written. With `is_ticket_due` the records hold a session
// ticket. Nothing when OpenSSL has to go on itself: under TLS 1.2, say. Throws std::bad_alloc.
std::optional<Inheritance> inherit(SSL* ssl, const TrafficSecrets& secrets, Transport& transport, bool is_ticket_due);

}  // namespace sidelock
