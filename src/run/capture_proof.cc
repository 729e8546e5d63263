// See capture_proof.h.
#include "run/capture_proof.h"

#include <cstring>
#include <new>

#include <fmt/format.h>
#include <sys/socket.h>

#include "base/interfaces.h"
#include "base/log.h"
#include "config/capture_contract.h"
#include "io/deadline.h"
#include "proxy/original_destination.h"

namespace sidelock {

namespace {

constexpr std::chrono::seconds kProvenPause{10};
constexpr std::chrono::seconds kUnprovenPause{1};
constexpr std::chrono::seconds kAttempt{1};
constexpr std::chrono::milliseconds kLook{2};

// Under `auto` a family must be captured when this namespace has it at all: one left out would be open in plain text.
std::vector<int> families_to_prove(IpFamily family) {
  std::vector<int> families;
  if (family != IpFamily::kIpv6 && (family != IpFamily::kAuto || has_loopback(AF_INET))) families.push_back(AF_INET);
  if (family != IpFamily::kIpv4 && (family != IpFamily::kAuto || has_loopback(AF_INET6))) families.push_back(AF_INET6);
  return families;
}

}  // namespace

CaptureProof::CaptureProof(const CaptureSettings& settings, Reactor& reactor, Events events)
    : settings_{settings},
      reactor_{reactor},
      events_{std::move(events)},
      probe_port_{probe_port(settings)},
      families_{families_to_prove(settings.ip_family)} {}

void CaptureProof::note_probe(const ClientAddress& client) {
  reactor_.post([this, client] {
    try {
      arrived_.insert(client.endpoint);
    } catch (const std::bad_alloc&) {  // NOLINT(bugprone-empty-catch): as if it had not come, it is soon tried again
    }
  });
}

Background CaptureProof::watch() {
  proven_at_ = reactor_.now();
  for (;;) {
    const Clock::time_point begun = reactor_.now();
    Clock::duration pause = kUnprovenPause;
    bool is_tried = false;
    try {
      const std::string missing = co_await prove_all();
      if (!judge(missing)) co_return;
      is_tried = true;
      if (missing.empty()) pause = kProvenPause;
    } catch (const std::exception& failure) {
      log::warning("cannot look whether connections are captured: {}; trying again", failure.what());
    }
    co_await reactor_.sleep(pause);
    // Without memory, say, nothing is shown, neither that the capture works nor that it does not.
    if (!is_tried) proven_at_ += reactor_.now() - begun;
  }
}

// False when there is nothing left to prove. When telling fails, the state is the one before, and it is told again.
bool CaptureProof::judge(const std::string& missing) {
  if (missing.empty()) {
    if (state_ != State::kProven) events_.on_proven();
    state_ = State::kProven;
    proven_at_ = reactor_.now();
    return true;
  }
  if (state_ != State::kUnproven) events_.on_unproven(missing);
  state_ = State::kUnproven;
  if (reactor_.now() - proven_at_ < settings_.capture_timeout) return true;
  events_.on_given_up(missing);
  return false;
}

task<std::string> CaptureProof::prove_all() {
  arrived_.clear();
  for (const int family : families_) {
    std::string missing = co_await prove(family);
    if (!missing.empty()) co_return missing;
  }
  co_return std::string{};
}

task<std::string> CaptureProof::prove(int family) {
  const Endpoint probe{IpAddress::loopback(family), probe_port_};
  const auto unproven = [&](const std::string& why) {
    return fmt::format("a probe to {} did not come back to us: {}", probe.to_string(), why);
  };
  Fd fd{::socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)};
  if (!fd) co_return unproven(std::strerror(errno));
  const SocketAddress address{probe};
  const bool is_connected = ::connect(fd.get(), address.get(), address.size()) == 0;
  if (!is_connected && errno != EINPROGRESS) co_return unproven(std::strerror(errno));
  Socket socket{std::move(fd), reactor_};
  if (!is_connected) {
    const Deadline deadline{socket, kAttempt};
    socket.expect_connection();
    co_await socket.writable();
    const int error = deadline.has_expired() ? ETIMEDOUT : socket.take_connect_error();
    if (error != 0) co_return unproven(std::strerror(error));
  }
  const Endpoint from = local_destination(socket.fd()).endpoint;
  const bool has_arrived = co_await wait_for_arrival(from);
  socket.close_with_reset();  // a probe leaves no TIME_WAIT behind
  if (has_arrived) co_return std::string{};
  co_return unproven("somebody else answered");
}

task<bool> CaptureProof::wait_for_arrival(Endpoint from) {
  const Clock::time_point give_up = reactor_.now() + kAttempt;
  while (!arrived_.contains(from)) {
    if (reactor_.now() >= give_up) co_return false;
    co_await reactor_.sleep(kLook);
  }
  co_return true;
}

}  // namespace sidelock
