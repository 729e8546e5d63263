// Runs programs as a person at a shell would, and looks at what they printed.
#pragma once

#include <string>

namespace sidelock::test {

struct Finished {
  int status = -1;     // the exit status; 128 + signal when it was killed
  std::string output;  // standard output and standard error
};

// Runs `command` with sh, in the caller's namespaces.
Finished run(const std::string& command);

// The same; adds a test failure and returns what was printed when the status is not 0.
std::string output_of(const std::string& command);

// The program under test, and the library that takes kernel features away, as meson names them.
std::string sidelock_program();
std::string kernel_shim();

// Runs the program with that library, which `environment` tells what to do.
Finished run_shimmed(const std::string& environment, const std::string& arguments);

// iptables-save of both families without comments and with zero counters, as the dry run prints it.
std::string saved_rules();
std::string saved_ipv4_rules();
std::string saved_ipv6_rules();

// `nft list ruleset` with zero counters, as the dry run prints it.
std::string saved_nftables_rules();

// `text` without lines that begin with '#', with zero counters, and its tables in the order of their names.
std::string without_noise(const std::string& text);

}  // namespace sidelock::test
