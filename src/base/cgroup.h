// What the control group allows this process: its container's share, not the node's.
#pragma once

#include <cstdint>
#include <optional>

namespace sidelock {

// The CPU quota in CPUs (1.5 for 150 ms in 100 ms); nothing when there is none. cgroup v2 cpu.max, v1 cpu.cfs_quota_us.
std::optional<double> cpu_quota();

// The memory limit in bytes; nothing when there is none. cgroup v2 memory.max, v1 memory.limit_in_bytes.
std::optional<std::uint64_t> memory_limit();

}  // namespace sidelock
