// See admission.h.
#include "doctor/admission.h"

#include "base/log.h"
#include "tls/client_judgement.h"
#include "tls/peer_identity.h"

namespace sidelock {

namespace {

std::string why_allowed(const std::vector<CertificatePtr>& chain, const TlsPolicy& policy) {
  if (chain.empty()) return "none: let in, since client-auth is optional";
  const X509* const certificate = chain.front().get();
  const std::string entry = allowing_entry_of(certificate, policy);
  return log::printable(subject_of(certificate)) + " is let in, by " +
         (entry.empty() ? "its authority: this port has no allow list" : log::printable(entry));
}

}  // namespace

Admission admission_of(const std::vector<CertificatePtr>& chain, const ClientTrust& trust, const TlsPolicy& policy) {
  const ClientJudgement judgement = foresee_client(chain, trust, policy);
  switch (judgement.verdict) {
    case ClientVerdict::kAllowed: return {why_allowed(chain, policy), {}};
    case ClientVerdict::kMissing:
      return {"none, but this port requires one; --client-cert FILE tells whether one is good", "client_cert_missing"};
    case ClientVerdict::kInvalid: return {log::printable(judgement.reason), "client_cert_invalid"};
    case ClientVerdict::kNotAllowed: break;
  }
  return {log::printable(judgement.reason), "client_not_allowed"};
}

}  // namespace sidelock
