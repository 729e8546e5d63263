// What the calling thread may do: capabilities(7) and prctl(2) act on one thread, and new threads inherit from the one
// that makes them.
#pragma once

#include <optional>

namespace sidelock {

// Makes the capability (linux/capability.h) effective where it is permitted; tells whether it is effective now.
bool raise_capability(int capability) noexcept;

// Drops every capability but `kept` from all sets of the calling thread and sets no_new_privs. Throws
// std::system_error.
void drop_privileges(std::optional<int> kept = std::nullopt);

// Keeps what is in memory, keys above all, from core dumps, those that root makes with a debugger too, and from other
// processes of the same user (ptrace(2), /proc/PID/mem). For the whole process; the files in /proc/PID belong to root
// then. Throws std::system_error.
void forbid_dumps();

}  // namespace sidelock
