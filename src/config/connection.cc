// See connection.h.
#include "config/connection.h"

#include <optional>

#include <fmt/format.h>

#include "base/error.h"
#include "base/log.h"
#include "config/parse_values.h"

namespace sidelock {

namespace {

constexpr std::string_view kAllowed = "SRC[:PORT] DST:PORT, such as 10.0.0.9 10.0.0.7:80 or fd00::9 [fd00::7]:80";

[[noreturn]] void refuse_connection(const std::string& what) {
  throw Failure{ExitCode::kUsage, fmt::format("explain: {}; allowed: {}", what, kAllowed)};
}

// "192.0.2.1", "192.0.2.1:80", "2001:db8::1", "[2001:db8::1]:80"; port 0 when there is none.
std::optional<Endpoint> endpoint_from(std::string_view text) {
  if (const auto address = IpAddress::parse(text)) return Endpoint{*address, 0};
  const std::size_t colon = text.rfind(':');
  if (colon == std::string_view::npos) return std::nullopt;
  const std::string_view host = text.substr(0, colon);
  const bool is_bare_ipv6 = host.find(':') != std::string_view::npos && !host.starts_with('[');
  const auto address = is_bare_ipv6 ? std::nullopt : IpAddress::parse(host);
  const auto port = port_from(text.substr(colon + 1));
  if (!address || !port) return std::nullopt;
  return Endpoint{*address, *port};
}

}  // namespace

void set_connection(const std::vector<std::string>& words, ExplainSettings& explain) {
  if (words.size() != 2) refuse_connection("needs a client and a destination");
  const auto source = endpoint_from(words[0]);
  const auto destination = endpoint_from(words[1]);
  if (!source) refuse_connection(fmt::format("\"{}\" is not an address", log::printable(words[0])));
  if (!destination) refuse_connection(fmt::format("\"{}\" is not an address with a port", log::printable(words[1])));
  if (destination->port == 0) refuse_connection(fmt::format("\"{}\" has no port", log::printable(words[1])));
  if (source->address.family() != destination->address.family())
    refuse_connection("the client and the destination are of two families");
  explain.source = *source;
  explain.destination = *destination;
}

}  // namespace sidelock
