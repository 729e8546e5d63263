// See narrowed.h.
#include "netsetup/narrowed.h"

#include <utility>

#include "config/port_ranges.h"

namespace sidelock {

Narrowed::Narrowed(Rule jump) : jump_{std::move(jump)} {}

void Narrowed::leave(const Rule& rule) {
  const bool is_for_ports_alone = !rule.has_more && !rule.source && !rule.in && !rule.out && !rule.family &&
                                  !rule.is_destination_local && !rule.is_state_invalid && !rule.is_not_translated;
  std::vector<PortRange> ports = destination_ports_of(rule);
  if (!is_for_ports_alone) return;
  if (ports.empty()) ports = {{0, 65535}};
  gone_.insert(gone_.end(), ports.begin(), ports.end());
  gone_ = normalised(std::move(gone_));
}

Rule Narrowed::rule(Rule rule) const {
  if (!rule.in) rule.in = jump_.in;
  if (!rule.source) rule.source = jump_.source;
  std::vector<PortRange> ports = destination_ports_of(rule);
  if (ports.empty()) ports = destination_ports_of(jump_);
  if (gone_.empty() && ports == destination_ports_of(rule)) return rule;
  if (ports.empty()) ports = {{0, 65535}};
  ports = without(normalised(std::move(ports)), gone_);
  // Nothing is left for it: a set of ports that is empty would mean all.
  if (ports.empty()) ports = {{0, 0}};
  rule.destination_ports.reset();
  rule.destination_port_set = std::move(ports);
  return rule;
}

}  // namespace sidelock
