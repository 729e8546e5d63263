// TLS 1.3's key schedule inside libssl's handshakes, by our HKDF: a provider (provider(7)) of our own that has one
// algorithm, TLS13-KDF (EVP_KDF-TLS13_KDF(7)). libssl asks it for each of a handshake's secrets, so this is where they
// are taken from.
#pragma once

#include "base/pool.h"
#include "tls/traffic_secret.h"

namespace sidelock {

// Of a TLS 1.3 connection: those that protect what is sent after the handshake.
struct TrafficSecrets : pool::Pooled {
  TrafficSecret client;
  TrafficSecret server;
  [[nodiscard]] bool is_whole() const noexcept { return client.size() > 0 && client.size() == server.size(); }
};

// The property query for SSL_CTX_new_ex(3) that prefers our provider; where the administrator's own properties exclude
// it, as for FIPS, OpenSSL's is used. Loads the provider with the first call, which one thread makes. nullptr, without
// a provider of ours, where openssl.cnf loads others and not OpenSSL's default one. Throws Failure{kFailure} when
// loading fails.
const char* key_schedule_query();

// While it lives, what OpenSSL derives in this thread for a connection is noted in `secrets`, or nowhere with nullptr.
class SecretTap {
 public:
  explicit SecretTap(TrafficSecrets* secrets) noexcept;
  SecretTap(const SecretTap&) = delete;
  SecretTap& operator=(const SecretTap&) = delete;
  ~SecretTap();
};

}  // namespace sidelock
