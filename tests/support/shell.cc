// See shell.h.
#include "support/shell.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <numeric>
#include <regex>
#include <sstream>
#include <vector>

#include <gtest/gtest.h>
#include <sys/wait.h>

namespace sidelock::test {

namespace {

std::string from_environment(const char* name, const char* otherwise) {
  const char* value = std::getenv(name);
  return value == nullptr ? otherwise : value;
}

}  // namespace

Finished run(const std::string& command) {
  FILE* pipe = ::popen(("{ " + command + "\n} 2>&1").c_str(), "re");
  if (pipe == nullptr) return {};
  Finished finished;
  char buffer[4096];
  for (std::size_t size = 0; (size = std::fread(buffer, 1, sizeof buffer, pipe)) > 0;)
    finished.output.append(buffer, size);
  const int status = ::pclose(pipe);
  finished.status = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  return finished;
}

std::string output_of(const std::string& command) {
  const Finished finished = run(command);
  EXPECT_EQ(finished.status, 0) << command << '\n' << finished.output;
  return finished.output;
}

std::string sidelock_program() { return from_environment("SIDELOCK", "sidelock"); }

std::string kernel_shim() { return from_environment("KERNEL_SHIM", ""); }

Finished run_shimmed(const std::string& environment, const std::string& arguments) {
  return run("ASAN_OPTIONS=verify_asan_link_order=0 " + environment + " LD_PRELOAD=" + kernel_shim() + ' ' +
             sidelock_program() + ' ' + arguments);
}

namespace {

// Tables come in the order in which the namespace got them, which is not what a test is about.
std::string with_tables_sorted(const std::string& text) {
  const std::string end = "COMMIT\n";
  std::vector<std::string> tables;
  std::size_t begin = 0;
  for (std::size_t at = 0; (at = text.find(end, begin)) != std::string::npos; begin = at + end.size())
    tables.push_back(text.substr(begin, at + end.size() - begin));
  std::ranges::sort(tables);
  return std::accumulate(tables.begin(), tables.end(), std::string{}) + text.substr(begin);
}

}  // namespace

std::string without_noise(const std::string& text) {
  std::istringstream lines{text};
  std::string kept;
  for (std::string line; std::getline(lines, line);) {
    if (line.starts_with('#')) continue;
    // Only the lines that name chains have counters: ":PREROUTING ACCEPT [1:60]".
    if (line.starts_with(':')) line.replace(line.find('['), std::string::npos, "[0:0]");
    kept += line + '\n';
  }
  return with_tables_sorted(kept);
}

std::string saved_nftables_rules() {
  return std::regex_replace(output_of("nft list ruleset"), std::regex{"packets [0-9]+ bytes [0-9]+"},
                            "packets 0 bytes 0");
}

std::string saved_ipv4_rules() { return without_noise(output_of("iptables-legacy-save")); }

std::string saved_ipv6_rules() { return without_noise(output_of("ip6tables-legacy-save")); }

std::string saved_rules() { return without_noise(output_of("iptables-legacy-save; ip6tables-legacy-save")); }

}  // namespace sidelock::test
