// See killing.h.
#include "support/killing.h"

#include <csignal>
#include <thread>

#include <sys/wait.h>
#include <unistd.h>

#include "netsetup/init.h"

namespace sidelock::test {

using std::chrono::microseconds;
using std::chrono::steady_clock;

microseconds time_of_install(const CaptureSettings& settings) {
  const auto start = steady_clock::now();
  install_capture(settings);
  return std::chrono::duration_cast<microseconds>(steady_clock::now() - start);
}

void Killing::install(const CaptureSettings& settings) {
  const pid_t child = ::fork();
  if (child == 0) {
    install_capture(settings);
    ::_exit(0);
  }
  std::this_thread::sleep_for(microseconds{moment_(random_)});
  ::kill(child, SIGKILL);
  int status = 0;
  ::waitpid(child, &status, 0);
  if (WIFSIGNALED(status)) ++killed_;
}

}  // namespace sidelock::test
