// See cgroup.h. Inside a container the mount at /sys/fs/cgroup shows the container's own group as the root; elsewhere
// the path from /proc/self/cgroup leads to it, and every group above it limits as well.
#include "base/cgroup.h"

#include <algorithm>
#include <fstream>
#include <string>
#include <vector>

namespace sidelock {

namespace {

const std::string kMount = "/sys/fs/cgroup";

// The folders from this process's group up to the root, for a v1 controller ("cpu") or v2 ("").
std::vector<std::string> group_folders(const std::string& controller) {
  std::string own = "/";
  std::ifstream groups{"/proc/self/cgroup"};
  for (std::string line; std::getline(groups, line);) {
    const std::size_t first = line.find(':');
    const std::size_t second = line.find(':', first + 1);
    if (second == std::string::npos) continue;
    const std::string controllers = ',' + line.substr(first + 1, second - first - 1) + ',';
    if (controllers.find(',' + controller + ',') != std::string::npos) own = line.substr(second + 1);
  }
  const std::string base = controller.empty() ? kMount : kMount + '/' + controller;
  std::vector<std::string> folders;
  while (own.size() > 1) {
    folders.push_back(base + own);
    own.resize(own.rfind('/'));
  }
  folders.push_back(base);
  return folders;
}

std::optional<std::string> first_word(std::istream& file) {
  std::string word;
  if (file >> word) return word;
  return std::nullopt;
}

std::optional<double> number(const std::optional<std::string>& word) {
  if (!word || word->empty() || word->find_first_not_of("0123456789") != std::string::npos) return std::nullopt;
  return std::stod(*word);
}

std::optional<double> number_in(const std::string& path) {
  std::ifstream file{path};
  return number(first_word(file));
}

void keep_least(std::optional<double>& least, std::optional<double> value) {
  if (value && (!least || *value < *least)) least = value;
}

}  // namespace

std::optional<double> cpu_quota() {
  std::optional<double> least;
  for (const std::string& folder : group_folders("")) {
    std::ifstream file{folder + "/cpu.max"};
    const auto quota = number(first_word(file));  // "max" is no number
    const auto period = number(first_word(file));
    if (quota && period && *period > 0) keep_least(least, *quota / *period);
  }
  for (const std::string& folder : group_folders("cpu")) {
    const auto quota = number_in(folder + "/cpu.cfs_quota_us");  // -1, no number, for none
    const auto period = number_in(folder + "/cpu.cfs_period_us");
    if (quota && period && *period > 0) keep_least(least, *quota / *period);
  }
  return least;
}

std::optional<std::uint64_t> memory_limit() {
  std::optional<double> least;
  for (const std::string& folder : group_folders("")) keep_least(least, number_in(folder + "/memory.max"));
  for (const std::string& folder : group_folders("memory"))
    keep_least(least, number_in(folder + "/memory.limit_in_bytes"));
  constexpr double kNoLimit = 1e18;  // v1 says "none" with the largest page-aligned number
  if (!least || *least > kNoLimit) return std::nullopt;
  return static_cast<std::uint64_t>(*least);
}

}  // namespace sidelock
