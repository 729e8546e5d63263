// See surroundings.h.
#include "run/surroundings.h"

#include <sys/resource.h>

#include "base/cgroup.h"

namespace sidelock {

Surroundings look_around() {
  rlimit files{};
  ::getrlimit(RLIMIT_NOFILE, &files);
  files.rlim_cur = files.rlim_max;
  ::setrlimit(RLIMIT_NOFILE, &files);
  ::getrlimit(RLIMIT_NOFILE, &files);
  return {cpu_quota().value_or(1), files.rlim_cur, memory_limit().value_or(0)};
}

}  // namespace sidelock
