// See port_facts.h.
#include "run/port_facts.h"

#include <algorithm>

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace sidelock {

namespace {

using Word = PortFacts::Word;

std::string leads_to(const PortPolicy& policy, const std::string& dialled) {
  const std::string port = policy.app_port == 0 ? dialled : fmt::format("port {}", policy.app_port);
  switch (policy.upstream) {
    case UpstreamMode::kLoopback: return "loopback, " + port;
    case UpstreamMode::kAddress:
      return policy.app_port == 0 ? policy.upstream_address.to_string() + ", " + port
                                  : Endpoint{policy.upstream_address, policy.app_port}.to_string();
    case UpstreamMode::kOriginal: break;
  }
  return "the address dialled, " + port;
}

void add_clients(const TlsPolicy& tls, std::vector<Word>& words) {
  if (tls.client_auth == ClientAuth::kNone) return;
  if (tls.client_auth == ClientAuth::kOptional) {
    words.push_back({"client certificate optional"});
    return;
  }
  const AllowList& allowed = tls.allowed_clients;
  const std::size_t entries = allowed.dns.size() + allowed.uris.size() + allowed.common_names.size() +
                              allowed.units.size() + allowed.spki_pins.size();
  words.push_back({entries == 0 ? "client certificate required, any verified"
                                : fmt::format("client certificate required, {} allowed", entries)});
}

std::vector<Word> in_words(const PortPolicy& policy) {
  std::vector<Word> words;
  if (policy.tls.is_plaintext_allowed) words.push_back({"plaintext allowed", true});
  add_clients(policy.tls, words);
  if (policy.tls.alpn_mode == AlpnMode::kIgnore) words.push_back({"ALPN ignored"});
  if (policy.tls.alpn_mode == AlpnMode::kList) {
    words.push_back({fmt::format("ALPN {}", fmt::join(policy.tls.alpn, ", "))});
  }
  if (policy.tls.preamble == Preamble::kPostgres) words.push_back({"PostgreSQL preamble"});
  if (policy.proxy_protocol == ProxyProtocol::kV1) words.push_back({"PROXY header v1"});
  if (policy.proxy_protocol == ProxyProtocol::kV2) words.push_back({"PROXY header v2"});
  if (policy.preserve_source == PreserveSource::kPrefer) words.push_back({"client's address kept if possible"});
  if (policy.preserve_source == PreserveSource::kRequire) words.push_back({"client's address kept"});
  if (policy.connect_first) words.push_back({"app is connected first"});
  if (policy.on_truncation == OnTruncation::kReset) words.push_back({"truncation resets"});
  if (policy.on_truncation == OnTruncation::kFin) words.push_back({"truncation passes as an end", true});
  if (words.empty()) words.push_back({"TLS required"});
  return words;
}

PortFacts facts_of(const Settings& settings, const std::string& label) {
  PortFacts facts;
  facts.label = label;
  for (const ExplicitListener& pair : settings.listeners) {
    if (std::to_string(pair.port) != label) continue;
    facts.leads_to.push_back(leads_to(pair.policy, "port " + label));
    for (Word& word : in_words(pair.policy)) {
      if (std::ranges::find(facts.policy, word.text, &Word::text) == facts.policy.end()) {
        facts.policy.push_back(std::move(word));
      }
    }
  }
  for (const CapturedPort& captured : settings.captured_ports) {
    if (std::to_string(captured.port) != label) continue;
    facts.leads_to.push_back(leads_to(captured.policy, "port " + label));
    facts.policy = in_words(captured.policy);
  }
  return facts;
}

}  // namespace

std::vector<PortFacts> port_facts(const Settings& settings, const std::vector<PortSnapshot>& counted) {
  std::vector<PortFacts> all;
  for (const PortSnapshot& port : counted) {
    if (port.label != "other") all.push_back(facts_of(settings, port.label));
  }
  const std::size_t configured = settings.listeners.size() + settings.captured_ports.size();
  const auto other = std::ranges::find(counted, "other", &PortSnapshot::label);
  if (other == counted.end()) return all;
  PortFacts rest;
  rest.label = "other";
  if (all.empty() && configured > 0) {
    rest.leads_to.push_back(fmt::format("{} ports, too many to show each", configured));
  }
  if (settings.capture.is_any_port) {
    rest.leads_to.push_back("every other port: " + leads_to(settings.any_port, "the same port"));
    rest.policy = in_words(settings.any_port);
  }
  if (rest.leads_to.empty() && other->accepted > 0) rest.leads_to.emplace_back("no configured port; refused");
  if (!rest.leads_to.empty()) all.push_back(std::move(rest));
  return all;
}

std::string capture_in_words(const CaptureSettings& capture) {
  if (capture.mode == CaptureMode::kNone) return "Nothing is captured: clients connect to the ports of --listen.";
  const std::string_view how = capture.mode == CaptureMode::kTproxy ? "tproxy" : "redirect";
  const std::string_view backend = capture.backend == BackendChoice::kAuto       ? "the backend that init chose"
                                   : capture.backend == BackendChoice::kIptables ? "iptables"
                                                                                 : "nftables";
  return fmt::format("Captured by {} rules of {}, from port {} on.", how, backend, capture.capture_port_base);
}

}  // namespace sidelock
