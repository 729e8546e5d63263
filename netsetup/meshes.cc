// See meshes.h.
#include "netsetup/meshes.h"

#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "netsetup/verify.h"

namespace sidelock {

namespace {

struct Mesh {
  std::string_view chains;  // the beginning of their names, and of no others
  std::string_view name;
  std::string_view remedy;
};

constexpr std::string_view kIstioRemedy =
    "annotation traffic.sidecar.istio.io/excludeInboundPorts, or no injection in this pod";

constexpr std::array kMeshes{
    Mesh{"ISTIO_", "Istio", kIstioRemedy},
    Mesh{"istio-", "Istio", kIstioRemedy},  // with nftables
    Mesh{"PROXY_INIT_", "Linkerd", "annotation config.linkerd.io/skip-inbound-ports, or no injection in this pod"},
    Mesh{"KUMA_", "Kuma", "annotation traffic.kuma.io/exclude-inbound-ports, or no injection in this pod"},
};

bool names(const ForeignRule& rule, std::string_view chains) {
  return rule.text.find(chains) != std::string::npos || rule.place.find(chains) != std::string::npos;
}

}  // namespace

std::optional<MeshHere> mesh_here(const Foreign& foreign, const CaptureSettings& settings) {
  for (const std::string& chain : foreign.nat_chains) {
    for (const Mesh& mesh : kMeshes) {
      if (!chain.starts_with(mesh.chains)) continue;
      Foreign theirs;
      std::ranges::copy_if(foreign.rules, std::back_inserter(theirs.rules),
                           [&mesh](const ForeignRule& rule) { return names(rule, mesh.chains); });
      return MeshHere{mesh.name, chain, mesh.remedy, obstacle(theirs, settings)};
    }
  }
  return std::nullopt;
}

std::string to_text(const MeshHere& mesh) {
  const std::string who = fmt::format("{} has rules in this namespace, too (chain {})", mesh.name, mesh.chain);
  if (mesh.obstacle.empty())
    return fmt::format("{}; the rules of sidelock come first: {} gets no connection to a captured port", who,
                       mesh.name);
  return fmt::format("{}, and captures first: {}", who, mesh.obstacle);
}

}  // namespace sidelock
