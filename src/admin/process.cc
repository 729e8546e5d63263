// See process.h.
#include "admin/process.h"

#include <fstream>
#include <iterator>
#include <memory>
#include <sstream>
#include <string>
#include <vector>

#include <dirent.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/freed.h"

namespace sidelock {

namespace {

std::string first_line(const char* path) {
  std::ifstream file{path};
  std::string line;
  std::getline(file, line);
  return line;
}

double boot_time() {
  std::ifstream file{"/proc/stat"};
  std::string line;
  while (std::getline(file, line)) {
    if (line.starts_with("btime ")) return std::stod(line.substr(6));
  }
  return 0;
}

using Folder = std::unique_ptr<DIR, Freed<closedir>>;

// Not by std::filesystem, which ends the process when there is no memory to look at a folder.
std::uint64_t count_open_descriptors() {
  const Folder folder{::opendir("/proc/self/fd")};
  std::uint64_t count = 0;
  if (!folder) return count;
  while (const dirent* const entry = ::readdir(folder.get())) {
    if (entry->d_name[0] != '.') ++count;
  }
  return count > 0 ? count - 1 : 0;  // without the one that looked
}

}  // namespace

ProcessFacts process_facts() {
  ProcessFacts facts;
  const std::string stat = first_line("/proc/self/stat");
  // The name in brackets may hold anything; what follows it is numbers. proc(5) counts fields from 1: 3 is the state.
  const std::size_t bracket = stat.rfind(')');
  if (bracket != std::string::npos) {
    std::istringstream rest{stat.substr(bracket + 1)};
    const std::vector<std::string> fields{std::istream_iterator<std::string>{rest}, {}};
    const auto field = [&fields](std::size_t number) {
      return number - 3 < fields.size() ? std::stod(fields[number - 3]) : 0.0;
    };
    const auto ticks = static_cast<double>(::sysconf(_SC_CLK_TCK));
    facts.threads = static_cast<std::uint64_t>(field(20));
    facts.start_time_seconds = boot_time() + field(22) / ticks;
    facts.virtual_bytes = static_cast<std::uint64_t>(field(23));
    facts.resident_bytes = static_cast<std::uint64_t>(field(24)) * static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
  }
  rusage usage{};
  ::getrusage(RUSAGE_SELF, &usage);
  for (const timeval& time : {usage.ru_utime, usage.ru_stime}) {
    facts.cpu_seconds += static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
  }
  rlimit files{};
  if (::getrlimit(RLIMIT_NOFILE, &files) == 0) facts.most_descriptors = files.rlim_cur;
  facts.open_descriptors = count_open_descriptors();
  return facts;
}

}  // namespace sidelock
