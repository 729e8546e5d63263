// Installations that are killed at a random moment between their beginning and twice the time that one takes.
#pragma once

#include <chrono>
#include <random>

#include "config/settings.h"

namespace sidelock::test {

// How long install_capture() takes for `settings`.
std::chrono::microseconds time_of_install(const CaptureSettings& settings);

class Killing {
 public:
  // `whole`: how long one takes. The moments are the same for the same `seed`.
  Killing(unsigned seed, std::chrono::microseconds whole) : random_{seed}, moment_{0, whole.count() * 2} {}

  // Installs `settings` in a process of its own, and kills that.
  void install(const CaptureSettings& settings);

  // How many were killed before they ended by themselves.
  [[nodiscard]] int killed() const { return killed_; }

 private:
  std::mt19937 random_;
  std::uniform_int_distribution<std::chrono::microseconds::rep> moment_;
  int killed_ = 0;
};

}  // namespace sidelock::test
