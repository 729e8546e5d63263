// See alpn.h.
#include "tls/alpn.h"

#include <algorithm>

namespace sidelock {

namespace {

std::optional<std::vector<std::string_view>> parse_offer(std::string_view offer) {
  std::vector<std::string_view> names;
  while (!offer.empty()) {
    const auto length = static_cast<unsigned char>(offer.front());
    if (length == 0 || offer.size() < length + std::size_t{1}) return std::nullopt;
    names.push_back(offer.substr(1, length));
    offer.remove_prefix(length + std::size_t{1});
  }
  if (names.empty()) return std::nullopt;
  return names;
}

}  // namespace

AlpnChoice choose_alpn(AlpnMode mode, const std::vector<std::string>& ours, std::string_view offer) {
  if (mode == AlpnMode::kIgnore) return {};
  const auto offered = parse_offer(offer);
  if (!offered) return {AlpnAnswer::kRefuse, {}};
  if (mode == AlpnMode::kAuto) {
    // Most apps speak HTTP/1; a client that offers it beside h2 must not be promised h2. One that offers a single
    // protocol (gRPC, libpq) refuses any other answer, and the app knows best what it speaks.
    const auto http1 = std::ranges::find(*offered, "http/1.1");
    return {AlpnAnswer::kChosen, http1 != offered->end() ? *http1 : offered->front()};
  }
  for (const std::string& name : ours) {
    const auto match = std::ranges::find(*offered, name);
    if (match != offered->end()) return {AlpnAnswer::kChosen, *match};
  }
  return {AlpnAnswer::kRefuse, {}};
}

}  // namespace sidelock
