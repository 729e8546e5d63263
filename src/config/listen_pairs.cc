// See listen_pairs.h.
#include "config/listen_pairs.h"

#include <netinet/in.h>

namespace sidelock {

namespace {

constexpr std::string_view kAllowed =
    "[ADDRESS:]PORT=[ADDRESS:]PORT pairs, such as 8443=8080 or 192.0.2.1:443=[::1]:80";

struct Side {
  std::optional<IpAddress> address;
  std::uint16_t port = 0;
};

std::optional<Side> side_from(std::string_view text) {
  Side side;
  const std::size_t colon = text.rfind(':');
  if (colon != std::string_view::npos) {
    const std::string_view host = text.substr(0, colon);
    // Without its brackets an IPv6 address cannot be told from the port behind it.
    if (!host.starts_with('[') && host.find(':') != std::string_view::npos) return std::nullopt;
    side.address = IpAddress::parse(host);
    if (!side.address) return std::nullopt;
    text.remove_prefix(colon + 1);
  }
  const auto port = port_from(text);
  if (!port) return std::nullopt;
  side.port = *port;
  return side;
}

bool covers(const ExplicitListener& listener, const IpAddress& address) {
  if (!listener.address) return true;
  return *listener.address == address ||
         (listener.address->is_unspecified() && listener.address->family() == address.family());
}

bool overlap(const ExplicitListener& a, const ExplicitListener& b) {
  return a.port == b.port && (!a.address || !b.address || covers(a, *b.address) || covers(b, *a.address));
}

// Only what can be known without asking the kernel for our addresses; `run` refuses the rest when it happens.
bool relays_to(const ExplicitListener& from, const ExplicitListener& listener) {
  if (from.policy.app_port != listener.port) return false;
  if (from.policy.upstream == UpstreamMode::kLoopback) {
    return covers(listener, IpAddress::loopback(AF_INET)) || covers(listener, IpAddress::loopback(AF_INET6));
  }
  const IpAddress& app = from.policy.upstream_address;
  if (listener.address && !listener.address->is_unspecified()) return *listener.address == app;
  return covers(listener, app) && (app.is_loopback() || (from.address && *from.address == app));
}

ExplicitListener listener_from(const SettingValue& value, const std::string& item, const PortPolicy& defaults) {
  const std::string_view text = item;
  const std::size_t equals = text.find('=');
  if (equals == std::string_view::npos) refuse(value, item, "names no app port", kAllowed);
  const auto here = side_from(text.substr(0, equals));
  const auto app = side_from(text.substr(equals + 1));
  if (!here || !app) refuse(value, item, "is not a pair of a listener and an app", kAllowed);
  if (here->address && here->address->is_multicast()) refuse(value, item, "listens on a multicast address", kAllowed);
  ExplicitListener listener{here->address, here->port, defaults};
  listener.policy.app_port = app->port;
  listener.policy.upstream = app->address ? UpstreamMode::kAddress : UpstreamMode::kLoopback;
  if (app->address) {
    if (app->address->is_unspecified() || app->address->is_multicast()) {
      refuse(value, item, "has an app address that nobody can be reached at", kAllowed);
    }
    listener.policy.upstream_address = *app->address;
  }
  return listener;
}

}  // namespace

std::vector<ExplicitListener> parse_listeners(const SettingValue& value, const PortPolicy& defaults) {
  const std::vector<std::string> items = parse_list(value, kAllowed);
  std::vector<ExplicitListener> listeners;
  for (const std::string& item : items) {
    const ExplicitListener listener = listener_from(value, item, defaults);
    for (const ExplicitListener& other : listeners) {
      if (overlap(listener, other))
        refuse(value, item, "shares its port with another pair", "one pair for each address and port");
    }
    listeners.push_back(listener);
  }
  for (std::size_t i = 0; i < items.size(); ++i) {
    for (const ExplicitListener& listener : listeners) {
      if (relays_to(listeners[i], listener))
        refuse(value, items[i], "would relay to a listener of our own", "the app's own port");
    }
  }
  return listeners;
}

}  // namespace sidelock
