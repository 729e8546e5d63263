// What one worker counts. Written by its own thread, read by any: relaxed atomics, so counting costs no locked
// instruction where only one thread adds. Nothing here allocates once a worker runs.
#pragma once

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>

namespace sidelock {

class Counter {
 public:
  // Only the owning thread.
  void add(std::uint64_t amount = 1) noexcept {
    value_.store(value_.load(std::memory_order_relaxed) + amount, std::memory_order_relaxed);
  }
  void subtract(std::uint64_t amount = 1) noexcept {
    value_.store(value_.load(std::memory_order_relaxed) - amount, std::memory_order_relaxed);
  }
  // Any thread.
  [[nodiscard]] std::uint64_t value() const noexcept { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<std::uint64_t> value_{0};
};

// How many of something took how long.
class DurationCounter {
 public:
  // Seconds; what took longer than the last is counted behind it.
  static constexpr std::array kBounds{0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025,
                                      0.05,    0.1,    0.25,  0.5,    1.0,   2.5,  5.0};
  static constexpr std::size_t kBuckets = kBounds.size() + 1;

  void add(std::chrono::nanoseconds duration) noexcept {
    const double seconds = std::chrono::duration<double>(duration).count();
    const auto* const bound = std::lower_bound(kBounds.begin(), kBounds.end(), seconds);
    buckets_[static_cast<std::size_t>(bound - kBounds.begin())].add();
    nanoseconds_.add(static_cast<std::uint64_t>(std::max<std::int64_t>(duration.count(), 0)));
  }
  [[nodiscard]] const Counter& bucket(std::size_t index) const noexcept { return buckets_[index]; }
  [[nodiscard]] std::uint64_t nanoseconds() const noexcept { return nanoseconds_.value(); }

 private:
  std::array<Counter, kBuckets> buckets_;
  Counter nanoseconds_;
};

}  // namespace sidelock
