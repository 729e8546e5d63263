// See introduction.h.
#include "proxy/introduction.h"

#include <array>

#include <fmt/format.h>
#include <sys/random.h>

#include "policy/proxy_header.h"

namespace sidelock {

namespace {

// Random, so that it is unique among all pods without asking anybody; text, so that it can be searched for.
std::string make_unique_id() {
  std::array<std::uint64_t, 2> random{};
  if (::getrandom(random.data(), sizeof random, 0) != sizeof random) return {};
  return fmt::format("{:016x}{:016x}", random[0], random[1]);
}

std::optional<ProxiedTls> proxied_tls(const TlsFacts& facts) {
  if (facts.version.empty()) return std::nullopt;
  ProxiedTls proxied{std::string{facts.version}, std::string{facts.openssl_cipher}, facts.protocol, facts.server_name,
                     std::nullopt};
  // The app is dialled only for a client whose certificate was verified, so the result is always 0.
  if (facts.has_client_certificate) proxied.certificate = {facts.client_common_name, 0, facts.is_resumed};
  return proxied;
}

}  // namespace

std::string introduction(Connection& connection) {
  const ProxyProtocol version = connection.policy->proxy_protocol;
  if (version == ProxyProtocol::kOff) return {};
  ProxiedConnection proxied{connection.client, connection.destination, std::nullopt, {}};
  if (version == ProxyProtocol::kV2) {
    connection.unique_id = make_unique_id();
    proxied.unique_id = connection.unique_id;
    proxied.tls = proxied_tls(connection.tls.facts());
  }
  return proxy_header(version, proxied);
}

}  // namespace sidelock
