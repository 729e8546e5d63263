// What an operator should hear about clients that cannot be served as the settings are, and one line of the access log
// does not show. Each advice is given at most once an hour for each port, however many clients come.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <mutex>
#include <utility>

namespace sidelock {

class Connection;

// When which advice was given last. Any thread; holds one entry for each configured port and kind at most.
class AdviceGiven {
 public:
  enum class Kind { kPostgres, kSilence };

  // True when it is time to give that advice (again).
  bool is_due(Kind kind, std::uint16_t port, std::chrono::steady_clock::time_point now);

 private:
  std::mutex mutex_;
  std::map<std::pair<Kind, std::uint16_t>, std::chrono::steady_clock::time_point> last_;
};

// For a client that is refused because its first bytes are not TLS: fills connection.failure when they are known.
void advise_about_plaintext(Connection& connection);

// For a client that has sent nothing within the handshake's time limit.
void advise_about_silence(Connection& connection);

}  // namespace sidelock
