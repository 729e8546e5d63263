// What the status page says about each port, in words, from the settings.
#pragma once

#include <string>
#include <vector>

#include "admin/status.h"
#include "config/settings.h"

namespace sidelock {

// One entry for each of `counted` that a person needs to see: the configured ports, with --ports '*' the rest as
// "other", and "other" without such a meaning only once somebody came there.
std::vector<PortFacts> port_facts(const Settings& settings, const std::vector<PortSnapshot>& counted);

// How connections reach run at all.
std::string capture_in_words(const CaptureSettings& capture);

}  // namespace sidelock
