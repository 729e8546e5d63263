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

  void note_credentials(const Credentials& credentials);
  void note_failed_reload();
  void note_listening(std::size_t ports);
  void note_capture(bool is_proven, const std::string& how);
  void note_draining();

  // Everything but liveness.
  [[nodiscard]] Snapshot look(std::chrono::system_clock::time_point now) const;

 private:
  struct Certificate {
    std::string subject;
    std::chrono::system_clock::time_point not_before;
    std::chrono::system_clock::time_point not_after;
  };
  [[nodiscard]] HealthCheck credential_check(std::chrono::system_clock::time_point now) const;

  const AdminSettings& settings_;
  mutable std::mutex mutex_;
  std::vector<Certificate> certificates_;
  bool has_reload_failed_ = false;
  std::size_t listening_ports_ = 0;
  bool is_captured_ = false;
  std::string capture_ = "not proven yet";
  bool has_started_ = false;
  bool is_draining_ = false;
};

}  // namespace sidelock
