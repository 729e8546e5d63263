// bench-rules BACKEND PORTS ROUNDS: how long sidelock's own code takes to apply the rules for so many ports and to
// verify them, each round in a network namespace that has no rules yet, as a pod's has none. Prints a line of JSON for
// each round. Needs root. The only measuring program that is made of the code that it measures: a rule set is in the
// kernel for as long as a pod lives, and what `sidelock init` takes beside it is the start of a process.
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <stdexcept>
#include <string>

#include <sched.h>

#include "netsetup/choice.h"
#include "netsetup/plan.h"
#include "netsetup/verify.h"

namespace {

using sidelock::BackendKind;
using Milliseconds = std::chrono::duration<double, std::milli>;

sidelock::CaptureSettings settings_for(unsigned ports) {
  constexpr unsigned kFirst = 1;
  sidelock::CaptureSettings settings;
  settings.ports = {{kFirst, static_cast<std::uint16_t>(kFirst + ports - 1)}};
  return settings;
}

void measure(BackendKind kind, const sidelock::CaptureSettings& settings) {
  if (::unshare(CLONE_NEWNET) != 0) throw std::runtime_error{"a network namespace needs root"};
  const auto backend = sidelock::make_backend(kind, std::chrono::seconds{5});
  const auto begin = std::chrono::steady_clock::now();
  const sidelock::Plan plan = sidelock::make_plan(settings, kind);
  backend->apply(plan);
  const auto applied = std::chrono::steady_clock::now();
  const std::string wrong = sidelock::difference(plan, backend->read());
  const auto verified = std::chrono::steady_clock::now();
  if (!wrong.empty()) throw std::runtime_error{wrong};
  std::printf("{\"apply_ms\": %.3f, \"verify_ms\": %.3f}\n", Milliseconds{applied - begin}.count(),
              Milliseconds{verified - applied}.count());
}

}  // namespace

int main(int count, char** arguments) {
  if (count != 4) {
    std::fputs("usage: bench-rules iptables|nftables PORTS ROUNDS\n", stderr);
    return 2;
  }
  try {
    const bool is_iptables = std::string{arguments[1]} == "iptables";
    const auto settings = settings_for(static_cast<unsigned>(std::strtoul(arguments[2], nullptr, 10)));
    for (long round = std::strtol(arguments[3], nullptr, 10); round > 0; --round)
      measure(is_iptables ? BackendKind::kIptables : BackendKind::kNftables, settings);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "bench-rules: %s\n", error.what());
    return 1;
  }
  return 0;
}
