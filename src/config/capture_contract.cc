// See capture_contract.h. The hash is FNV-1a over a canonical text, so it is the same in every build of one version.
#include "config/capture_contract.h"

#include <string>

#include "base/error.h"
#include "config/port_ranges.h"

namespace sidelock {

namespace {

constexpr std::uint16_t kFirstProbePort = 20000;
constexpr std::uint16_t kProbePorts = 8192;

std::string canonical_text(const CaptureSettings& settings) {
  std::string text = "1 mode=" + std::to_string(static_cast<int>(settings.mode));
  if (settings.is_any_port) text += " any";
  for (const PortRange& range : settings.ports)
    text += " port=" + std::to_string(range.first) + '-' + std::to_string(range.last);
  for (const Cidr& source : settings.exclude_sources) text += " source=" + source.to_string();
  for (const std::string& name : settings.interfaces) text += " in=" + name;
  for (const std::string& name : settings.exclude_interfaces) text += " not-in=" + name;
  text += " base=" + std::to_string(settings.capture_port_base);
  text += settings.drop_invalid ? " drop-invalid" : "";
  text += settings.hide_capture_ports ? " hide" : "";
  text += settings.is_source_preserved ? " preserve-source" : "";
  return text;
}

std::uint32_t fnv1a(const std::string& text) {
  std::uint32_t hash = 2166136261U;
  for (const char byte : text) hash = (hash ^ static_cast<unsigned char>(byte)) * 16777619U;
  return hash;
}

}  // namespace

std::vector<std::uint16_t> expand(const std::vector<PortRange>& ports) {
  std::vector<std::uint16_t> all;
  for (const PortRange& range : ports) {
    for (unsigned port = range.first; port <= range.last; ++port) all.push_back(static_cast<std::uint16_t>(port));
  }
  return all;
}

std::size_t count_capture_ports(const CaptureSettings& settings) {
  return settings.is_any_port || settings.mode == CaptureMode::kTproxy ? 1 : count(settings.ports);
}

std::uint16_t probe_port(const CaptureSettings& settings) {
  const std::size_t last_capture_port = settings.capture_port_base + count_capture_ports(settings);
  const std::uint32_t start = fnv1a(canonical_text(settings)) % kProbePorts;
  for (std::uint32_t step = 0; step < kProbePorts; ++step) {
    const auto port = static_cast<std::uint16_t>(kFirstProbePort + (start + step) % kProbePorts);
    const bool is_capture_port = port + 1U >= settings.capture_port_base && port <= last_capture_port;
    if (!is_capture_port && (settings.is_any_port || !contains(settings.ports, port))) return port;
  }
  throw Failure{
      ExitCode::kUsage,
      "--ports: leaves with its capture ports no port from 20000 to 28191 for the probe rule; allowed: fewer ports"};
}

}  // namespace sidelock
