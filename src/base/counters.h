// What one worker counts. Written by its own thread, read by any: relaxed atomics, so counting costs no locked
// instruction where only one thread adds.
#pragma once

#include <array>
#include <atomic>
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

struct WorkerCounters {
  Counter accepted;
  Counter open;     // connections now
  Counter refused;  // not admitted: --max-connections and its like
  // Let through without TLS by --plaintext allow. Once it has stood still for long enough, nobody needs that any more.
  Counter plaintext;
  // Connections to the app that --preserve-source prefer could not make from the client's address.
  Counter lost_sources;
};

}  // namespace sidelock
