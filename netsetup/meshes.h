// Service meshes that have rules in the same network namespace, and which of the two gets a connection. Pure.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "netsetup/backend.h"

namespace sidelock {

struct MeshHere {
  std::string_view name;
  std::string chain;        // by which it was recognised
  std::string_view remedy;  // how it leaves the ports, or the pod, to sidelock
  std::string obstacle;  // the rule of it that gets connections to captured ports before ours; empty: ours come first
};

// The first that is found, by the names of its chains, with either backend. `foreign` was read with our rules in place.
std::optional<MeshHere> mesh_here(const Foreign& foreign, const CaptureSettings& settings);

// One sentence without a full stop: who it is and who captures first.
std::string to_text(const MeshHere& mesh);

}  // namespace sidelock
