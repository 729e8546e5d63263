// See port_counters.h.
#include "proxy/port_counters.h"

#include <strings.h>

namespace sidelock {

namespace {

// The place of a name in a list, or the place behind the last one.
template <class List>
std::size_t index_of(const List& names, std::string_view name) noexcept {
  const auto* const found = std::find_if(names.begin(), names.end(), [name](std::string_view each) {
    return each.size() == name.size() && ::strncasecmp(each.data(), name.data(), name.size()) == 0;
  });
  return static_cast<std::size_t>(found - names.begin());
}

}  // namespace

void PortCounters::note_handshake(const TlsFacts& agreed, std::chrono::nanoseconds duration) noexcept {
  const std::size_t version = index_of(kVersionNames, agreed.version);
  const std::size_t group = index_of(kGroupNames, agreed.group);
  handshakes[version][group][agreed.is_resumed ? 1 : 0].add();
  ciphers[index_of(kCipherNames, agreed.cipher)].add();
  handshake_duration.add(duration);
}

void PortCounters::note_connect_error(int error) noexcept {
  const auto* const found = std::find(kConnectErrors.begin(), kConnectErrors.end(), error);
  connect_errors[static_cast<std::size_t>(found - kConnectErrors.begin())].add();
}

PortIndex::PortIndex(const Settings& settings) : settings_{settings} {
  if (settings.listeners.size() + settings.captured_ports.size() > kMostLabels) return;
  for (const ExplicitListener& listener : settings.listeners) {
    const std::string label = std::to_string(listener.port);
    const auto found = std::find(labels_.begin(), labels_.end(), label);
    of_listeners_.push_back(static_cast<std::size_t>(found - labels_.begin()));
    if (found == labels_.end()) labels_.push_back(label);
  }
  for (const CapturedPort& captured : settings.captured_ports) labels_.push_back(std::to_string(captured.port));
}

std::size_t PortIndex::of_listener(const ExplicitListener& listener) const noexcept {
  return of_listeners_.empty() ? kOther
                               : of_listeners_[static_cast<std::size_t>(&listener - settings_.listeners.data())];
}

std::size_t PortIndex::of_captured(std::uint16_t port) const noexcept {
  if (labels_.size() == 1) return kOther;
  const auto& ports = settings_.captured_ports;
  const auto found =
      std::lower_bound(ports.begin(), ports.end(), port,
                       [](const CapturedPort& each, std::uint16_t wanted) { return each.port < wanted; });
  return found == ports.end() || found->port != port ? kOther : 1 + static_cast<std::size_t>(found - ports.begin());
}

}  // namespace sidelock
