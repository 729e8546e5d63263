// The checks of doctor, one function for each matter. They look, and change nothing.
#pragma once

#include "doctor/check.h"
#include "doctor/patient.h"

namespace sidelock {

Checks check_process(const Patient& patient);     // settings, descriptors, net-raw
Checks check_credential(const Patient& patient);  // credential, clock

Checks check_clients(const Patient& patient);  // clients, where a port asks them for certificates

// Whether a file is there that this user may not read.
bool is_unreadable(const std::string& path);

// Listeners of `run`, and whether a connection through the kernel reaches them.
struct Arrivals {
  Checks checks;
  bool is_proven = false;  // the rules of these settings led a connection to `run`, in each family that they name
};
Arrivals check_arrivals(const Patient& patient);

// privileges, backend, rules, foreign, meshes, interfaces, families. `is_proven` stands in for rules that cannot be
// read.
Checks check_capture(const Patient& patient, bool is_proven);

Checks check_routing(const Patient& patient);  // routing, where --preserve-source needs it

Checks check_app(const Patient& patient);  // app, udp

}  // namespace sidelock
