// See sockets.h. By /proc, which every kernel has; sock_diag would need modules that a container cannot load.
#include "doctor/sockets.h"

#include <algorithm>
#include <charconv>
#include <cstring>
#include <fstream>
#include <optional>
#include <sstream>

namespace sidelock {

namespace {

template <class Number>
std::optional<Number> number_from(std::string_view text, int base) {
  Number number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number, base);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return number;
}

// "0100007F:1F90": 32-bit words as this machine holds them, then the port.
std::optional<Endpoint> endpoint_from(std::string_view text) {
  constexpr std::size_t kDigitsOfWord = 8;
  const std::size_t colon = text.find(':');
  if (colon != kDigitsOfWord && colon != 4 * kDigitsOfWord) return std::nullopt;
  const auto port = number_from<std::uint16_t>(text.substr(colon + 1), 16);
  if (!port) return std::nullopt;
  in6_addr bytes{};
  for (std::size_t i = 0; i < colon / kDigitsOfWord; ++i) {
    const auto word = number_from<std::uint32_t>(text.substr(i * kDigitsOfWord, kDigitsOfWord), 16);
    if (!word) return std::nullopt;
    std::memcpy(&bytes.s6_addr[i * sizeof *word], &*word, sizeof *word);
  }
  if (colon != kDigitsOfWord) return Endpoint{IpAddress{bytes}, *port};
  in_addr address{};
  std::memcpy(&address, bytes.s6_addr, sizeof address);
  return Endpoint{IpAddress{address}, *port};
}

std::optional<WaitingSocket> socket_from(const std::string& line) {
  constexpr std::string_view kListen = "0A";
  constexpr std::string_view kUdpWithoutPeer = "07";
  std::istringstream words{line};
  std::string slot;
  std::string local;
  std::string remote;
  std::string state;
  std::string skipped;
  WaitingSocket socket;
  words >> slot >> local >> remote >> state >> skipped >> skipped >> skipped >> socket.uid >> skipped >> socket.inode;
  const auto endpoint = endpoint_from(local);
  if (!words || !endpoint || (state != kListen && state != kUdpWithoutPeer)) return std::nullopt;
  socket.local = *endpoint;
  return socket;
}

std::vector<WaitingSocket> read_both(const char* ipv4, const char* ipv6) {
  std::vector<WaitingSocket> all;
  for (const char* const path : {ipv4, ipv6}) {
    std::ostringstream text;
    text << std::ifstream{path}.rdbuf();
    const std::vector<WaitingSocket> found = parse_socket_table(text.str());
    all.insert(all.end(), found.begin(), found.end());
  }
  std::ranges::stable_sort(all, {}, [](const WaitingSocket& socket) { return socket.local.port; });
  return all;
}

}  // namespace

std::vector<WaitingSocket> parse_socket_table(std::string_view text) {
  std::vector<WaitingSocket> all;
  std::istringstream lines{std::string{text}};
  for (std::string line; std::getline(lines, line);) {
    if (const auto socket = socket_from(line)) all.push_back(*socket);
  }
  return all;
}

std::vector<WaitingSocket> listening_tcp_sockets() { return read_both("/proc/net/tcp", "/proc/net/tcp6"); }

std::vector<WaitingSocket> waiting_udp_sockets() { return read_both("/proc/net/udp", "/proc/net/udp6"); }

}  // namespace sidelock
