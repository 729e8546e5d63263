// See announce.h.
#include "run/announce.h"

#include <fmt/format.h>

#include "base/log.h"
#include "tls/inspect.h"

namespace sidelock {

namespace {

void announce(const ClientTrust& trust) {
  log::info("clients are verified by {} authorities and {} revocation lists of {}", trust.authorities.size(),
            trust.revocation_lists.size(), trust.source);
}

bool is_valid(const Credential& credential) {
  const auto now = std::chrono::system_clock::now();
  return credential.not_before <= now && now <= credential.not_after;
}

}  // namespace

std::vector<std::string> expiry_warnings(const TlsFiles& files, std::chrono::system_clock::time_point now) {
  std::vector<std::string> warnings;
  for (const auto& credential : files.credentials) {
    const bool has_ended = credential->not_after < now;
    if (!has_ended && credential->not_before <= now) continue;
    warnings.push_back(fmt::format("certificate {} from {} {}: clients will refuse it",
                                   log::printable(credential->subject), credential->source,
                                   has_ended ? "has EXPIRED" : "is not valid yet"));
  }
  if (files.client_trust && files.client_trust->lists_end && *files.client_trust->lists_end < now) {
    warnings.push_back(fmt::format("a revocation list of {} is out of date: every client of its authority is refused",
                                   files.client_trust->source));
  }
  return warnings;
}

namespace {

void tell_of_expiry(const TlsFiles& files) {
  for (const std::string& text : expiry_warnings(files, std::chrono::system_clock::now())) log::warning("{}", text);
}

// What cannot be told for lack of memory is not told: it changes nothing about what is in use.
template <class Tell>
void tell_if_possible(Tell tell) noexcept {
  try {
    tell();
  } catch (const std::exception& failure) {
    log::warning("about the certificates in use there would be more to say: {}", failure.what());
  }
}

void tell_all(const TlsFiles& files) {
  const Credentials& credentials = files.credentials;
  if (files.client_trust) announce(*files.client_trust);
  const auto now = std::chrono::system_clock::now();
  for (const auto& credential : credentials) {
    const std::string subject = log::printable(credential->subject);
    if (credential->source == "self-signed") {
      log::warning("SELF-SIGNED certificate for {}: no client can verify it; for trying out only", subject);
    } else if (is_valid(*credential)) {
      const auto days = std::chrono::duration_cast<std::chrono::hours>(credential->not_after - now).count() / 24;
      log::info("certificate {} from {}, valid for {} more days", subject, credential->source, days);
    }
    if (credential->is_key_exposed) {
      log::warning("the private key of {} can be read by every user; allowed: mode 0640 or less", credential->source);
    }
  }
  tell_of_expiry(files);
  for (const auto& credential : credentials) {
    if (!credential->has_malformed_name) continue;
    log::warning("certificate {} from {} has a name with a NUL byte or one that cannot be read, which is left out",
                 log::printable(credential->subject), credential->source);
  }
  for (const auto& credential : credentials) {
    if (credential->source == "self-signed" || !is_valid(*credential)) continue;
    for (const std::string& fault : credential_faults(*credential, now)) {
      log::warning("certificate {} from {}: {}", log::printable(credential->subject), credential->source, fault);
    }
  }
  for (const std::size_t place : choice_among(credentials).unused()) {
    log::warning("certificate {} from {} is never used: others before it have all of its names and its kind of key",
                 log::printable(credentials[place]->subject), credentials[place]->source);
  }
}

}  // namespace

void warn_of_expiry(const TlsFiles& files) noexcept {
  tell_if_possible([&] { tell_of_expiry(files); });
}

void announce(const TlsFiles& files) noexcept {
  tell_if_possible([&] { tell_all(files); });
}

}  // namespace sidelock
