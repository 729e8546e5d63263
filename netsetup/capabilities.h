// The capabilities that writing rules takes, and which of them this process does not have.
// File capabilities are given as permitted only, so that the program starts where the container allows none.
#pragma once

#include <string>

namespace sidelock {

// Makes NET_ADMIN and NET_RAW effective where they are permitted. Never fails: what is missing shows when it is needed.
void raise_network_capabilities();

// "NET_ADMIN", "NET_RAW", "NET_ADMIN and NET_RAW", or empty when both are effective.
std::string missing_network_capabilities();

}  // namespace sidelock
