// What liveness, startup and readiness go by: the supervisor notes what happens, the admin server asks.
#pragma once

#include <chrono>
#include <mutex>
#include <string>
#include <vector>

#include "admin/snapshot.h"
#include "config/settings.h"
#include "tls/context.h"

namespace sidelock {

// Safe for any thread: the supervisor's and the admin server's meet at its lock, no worker does.
class Health {
 public:
  explicit Health(const AdminSettings& settings) : settings_{settings} {}

  // What is used from now on; `is_reload` after the start.
  void note_credentials(const Credentials& credentials, bool is_reload);
  void note_failed_reload();
  void note_listening(std::size_t ports);
  void note_no_capture();  // there is nothing to prove
  void note_capture(bool is_proven, const std::string& how);
  void note_draining();

  // Everything but liveness.
  [[nodiscard]] HealthReport report(std::chrono::system_clock::time_point now) const;
  // What of it is measured: certificates, reloads, the capture.
  void observe(Snapshot& snapshot) const;

 private:
  [[nodiscard]] HealthCheck credential_check(std::chrono::system_clock::time_point now) const;

  const AdminSettings& settings_;
  mutable std::mutex mutex_;
  std::vector<CertificateSnapshot> certificates_;
  bool has_reload_failed_ = false;  // the last one
  std::uint64_t reloads_succeeded_ = 0;
  std::uint64_t reloads_failed_ = 0;
  std::size_t listening_ports_ = 0;
  bool is_captured_ = false;
  bool is_capture_wanted_ = true;
  std::string capture_ = "not proven yet";
  bool has_started_ = false;
  bool is_draining_ = false;
};

}  // namespace sidelock
