// See health.h.
#include "run/health.h"

#include <algorithm>

#include <fmt/format.h>

#include "base/log.h"

namespace sidelock {

namespace {

using SystemTime = std::chrono::system_clock::time_point;
using State = HealthCheck::State;

std::string in_words(std::chrono::system_clock::duration duration) {
  const auto hours = std::chrono::duration_cast<std::chrono::hours>(duration).count();
  if (hours >= 48) return fmt::format("{} days", hours / 24);
  if (hours >= 2) return fmt::format("{} hours", hours);
  return fmt::format("{} minutes", std::chrono::duration_cast<std::chrono::minutes>(duration).count());
}

}  // namespace

void Health::note_credentials(const Credentials& credentials, bool is_reload) {
  std::vector<CertificateSnapshot> certificates;
  for (const auto& credential : credentials) {
    certificates.push_back(
        {credential->source, log::printable(credential->subject), credential->not_before, credential->not_after});
  }
  const std::lock_guard lock{mutex_};
  certificates_.swap(certificates);
  has_reload_failed_ = false;
  if (is_reload) ++reloads_succeeded_;
}

void Health::note_failed_reload() {
  const std::lock_guard lock{mutex_};
  has_reload_failed_ = true;
  ++reloads_failed_;
}

void Health::note_listening(std::size_t ports) {
  const std::lock_guard lock{mutex_};
  listening_ports_ = ports;
  has_started_ = is_captured_;
}

void Health::note_no_capture() {
  note_capture(true, "none is asked for");
  const std::lock_guard lock{mutex_};
  is_capture_wanted_ = false;
}

void Health::note_capture(bool is_proven, const std::string& how) {
  const std::lock_guard lock{mutex_};
  is_captured_ = is_proven;
  has_started_ = has_started_ || (is_proven && listening_ports_ > 0);
  capture_ = how;  // the last one, as it takes memory
}

void Health::note_draining() {
  const std::lock_guard lock{mutex_};
  is_draining_ = true;
}

void Health::observe(Snapshot& snapshot) const {
  const std::lock_guard lock{mutex_};
  snapshot.certificates = certificates_;
  snapshot.reloads_succeeded = reloads_succeeded_;
  snapshot.reloads_failed = reloads_failed_;
  if (is_capture_wanted_) snapshot.is_capture_verified = is_captured_;
}

HealthReport Health::report(SystemTime now) const {
  const std::lock_guard lock{mutex_};
  const auto state = [](bool is_well) { return is_well ? State::kOk : State::kFailed; };
  HealthReport report;
  report.ready.push_back(credential_check(now));
  report.ready.push_back({"listeners", state(listening_ports_ > 0), fmt::format("{} port(s)", listening_ports_)});
  report.ready.push_back({"capture", state(is_captured_), capture_});
  report.ready.push_back({"drain", state(!is_draining_), is_draining_ ? "draining" : "none"});
  report.started.push_back({"startup", state(has_started_),
                            has_started_ ? "listening, and the capture was proven" : "capture: " + capture_});
  return report;
}

// The certificate that is worst off decides.
HealthCheck Health::credential_check(SystemTime now) const {
  HealthCheck check{"credential", State::kFailed, "not loaded"};
  if (certificates_.empty()) return check;
  const auto first = std::ranges::min_element(certificates_, {}, &CertificateSnapshot::not_after);
  const auto latest = std::ranges::max_element(certificates_, {}, &CertificateSnapshot::not_before);
  const State invalid = settings_.is_valid_certificate_needed ? State::kFailed : State::kWarning;
  if (first->not_after <= now) {
    return {check.name, invalid, fmt::format("{} EXPIRED {} ago", first->subject, in_words(now - first->not_after))};
  }
  if (latest->not_before > now) {
    return {check.name, invalid,
            fmt::format("{} is not valid for another {}", latest->subject, in_words(latest->not_before - now))};
  }
  const std::string text = fmt::format("{} is valid for another {}", first->subject, in_words(first->not_after - now));
  if (has_reload_failed_) return {check.name, State::kWarning, text + "; the last reload failed, see the log"};
  return {check.name, State::kOk, text};
}

}  // namespace sidelock
