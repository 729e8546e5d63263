// What the kernel knows about this process, for the metrics that every Prometheus client has.
#pragma once

#include <cstdint>

namespace sidelock {

// From proc(5), getrusage(2) and getrlimit(2); zero is what could not be read.
struct ProcessFacts {
  double cpu_seconds = 0;
  double start_time_seconds = 0;  // since the epoch
  std::uint64_t resident_bytes = 0;
  std::uint64_t virtual_bytes = 0;
  std::uint64_t open_descriptors = 0;
  std::uint64_t most_descriptors = 0;
  std::uint64_t threads = 0;
};

// Looks anew at each call. Any thread.
ProcessFacts process_facts();

}  // namespace sidelock
