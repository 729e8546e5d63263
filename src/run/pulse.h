// Whether every thread still turns: asks each to answer, when somebody wants to know, and counts how long it takes.
#pragma once

#include <atomic>
#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "admin/snapshot.h"
#include "io/timer.h"

namespace sidelock {

// One thread asks. Nothing happens while nobody asks: an idle process stays idle.
class Pulse {
 public:
  // How a thread is given something to do; safe for any thread.
  using Post = std::function<void(std::function<void()>)>;

  // A thread that owes an answer for so long is stuck: no turn of a reactor takes a hundredth of it.
  static constexpr std::chrono::seconds kPatience{30};

  void add(std::string name, Post post) { threads_.push_back({std::move(name), std::move(post)}); }

  // One check for each thread. Asks those that have answered the last time again.
  std::vector<HealthCheck> look(Clock::time_point now);

 private:
  struct Thread {
    std::string name;
    Post post;
    std::shared_ptr<std::atomic<bool>> has_answered = std::make_shared<std::atomic<bool>>(true);
    Clock::time_point asked_at{};
  };
  std::vector<Thread> threads_;
};

}  // namespace sidelock
