// Whether clients' certificates can be verified, and whether all of them would be refused. See checks.h.
#include <chrono>

#include <fmt/format.h>
#include <unistd.h>

#include "base/log.h"
#include "doctor/checks.h"
#include "tls/client_trust.h"
#include "tls/inspect.h"

namespace sidelock {

namespace {

std::string cure_for(const TlsSettings& tls) {
  for (const std::string& path : {tls.client_ca_file, tls.client_crl_file}) {
    if (!path.empty() && is_unreadable(path)) return fmt::format("let uid {} read {}", ::geteuid(), path);
  }
  return "--client-ca-file with the authorities' certificates and --client-crl-file with their lists, in PEM";
}

}  // namespace

Checks check_clients(const Patient& patient) {
  const TlsSettings& tls = patient.settings.tls;
  if (tls.client_ca_file.empty()) return {};
  try {
    const ClientTrust trust = load_client_trust(tls.client_ca_file, tls.client_crl_file);
    const std::vector<std::string> faults = client_trust_faults(trust, std::chrono::system_clock::now());
    if (faults.empty()) {
      return {ok("clients", fmt::format("authorities: {}, revocation lists: {}, from {}", trust.authorities.size(),
                                        trust.revocation_lists.size(), trust.source))};
    }
    return {failed(
        "clients", ExitCode::kCredentialUnusable, trust.source + ": " + fmt::format("{}", fmt::join(faults, "; ")),
        "renew them there, one list for each authority in a client's chain; they are picked up by themselves")};
  } catch (const Failure& failure) {
    return {failed("clients", failure.code(), log::printable(failure.what()), cure_for(tls))};
  }
}

}  // namespace sidelock
