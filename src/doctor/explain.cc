// See explain.h. The same pure decisions as in the proxy, one after the other, each told.
#include "doctor/explain.h"

#include <algorithm>
#include <array>
#include <optional>

#include <fmt/format.h>

#include "base/interfaces.h"
#include "base/log.h"
#include "config/capture_contract.h"
#include "doctor/admission.h"
#include "doctor/attempt.h"
#include "doctor/live_rules.h"
#include "doctor/processes.h"
#include "doctor/route.h"
#include "doctor/sockets.h"
#include "doctor/story.h"
#include "doctor/walk.h"
#include "policy/destination.h"
#include "policy/proxy_header.h"
#include "policy/upstream_address.h"
#include "tls/credential.h"
#include "tls/inspect.h"
#include "tls/pem_file.h"
#include "tls/tls_files.h"

namespace sidelock {

namespace {

bool is_own(const IpAddress& address) {
  return address.is_loopback() || std::ranges::any_of(interface_addresses(), [&](const InterfaceAddress& own) {
           return own.address == address;
         });
}

// Who answers a connection to this endpoint of the namespace.
std::optional<WaitingSocket> listener_at(const Endpoint& target) {
  std::optional<WaitingSocket> best;
  for (const WaitingSocket& socket : listening_tcp_sockets()) {
    if (socket.local.port != target.port) continue;
    if (socket.local.address == target.address) return socket;
    const bool is_for_all =
        socket.local.address.is_unspecified() &&
        (socket.local.address.is_ipv4() == target.address.is_ipv4() || !socket.local.address.is_ipv4());
    if (is_for_all) best = socket;
  }
  return best;
}

std::string described(const Credential& credential) {
  std::string text = log::printable(credential.subject) + " for";
  for (const std::string& name : alternative_names(credential)) text += ' ' + name;
  return text + ", from " + credential.source;
}

std::string alpn_text(const TlsPolicy& tls) {
  if (tls.alpn_mode == AlpnMode::kAuto) return "auto";
  if (tls.alpn_mode == AlpnMode::kIgnore) return "ignored";
  std::string text;
  for (const std::string& protocol : tls.alpn) text += (text.empty() ? "" : ",") + log::printable(protocol);
  return text;
}

std::string policy_text(const PortPolicy& policy) {
  const std::string upstream = policy.upstream == UpstreamMode::kOriginal   ? "original"
                               : policy.upstream == UpstreamMode::kLoopback ? "loopback"
                                                                            : policy.upstream_address.to_string();
  const std::string truncation = policy.on_truncation == OnTruncation::kAuto    ? "auto"
                                 : policy.on_truncation == OnTruncation::kReset ? "reset"
                                                                                : "fin";
  constexpr std::array<const char*, 3> kPreserve{"off", "prefer", "require"};
  constexpr std::array<const char*, 3> kHeader{"off", "v1", "v2"};
  std::string text = fmt::format("upstream {}, on-truncation {}, alpn {}", upstream, truncation, alpn_text(policy.tls));
  if (policy.app_port != 0) text += fmt::format(", app port {}", policy.app_port);
  if (policy.preserve_source != PreserveSource::kOff)
    text += fmt::format(", preserve-source {}", kPreserve.at(static_cast<std::size_t>(policy.preserve_source)));
  if (policy.proxy_protocol != ProxyProtocol::kOff)
    text += fmt::format(", proxy-protocol {}", kHeader.at(static_cast<std::size_t>(policy.proxy_protocol)));
  if (policy.connect_first) text += ", connect-first";
  if (policy.tls.client_auth != ClientAuth::kNone)
    text += policy.tls.client_auth == ClientAuth::kRequire ? ", client-auth require" : ", client-auth optional";
  if (policy.tls.is_plaintext_allowed) text += ", plain text is let through";
  return text;
}

class Explainer {
 public:
  Explainer(const Settings& settings, const ExplainSettings& question) : settings_{settings}, question_{question} {
    if (!question.client_certificate.empty()) client_chain_ = load_certificates(question.client_certificate);
  }
  Story explain();

 private:
  bool place_the_client();
  Story through_rules();
  Story at_a_listener(const Endpoint& target);
  Story at_the_capture_port(std::uint16_t port, bool is_diverted);
  Story served(const PortPolicy& policy, const Endpoint& destination);
  Story judged(Verdict verdict, const PortPolicy* policy);
  void tell_proxy_header(ProxyProtocol version);
  [[nodiscard]] std::optional<TlsFiles> tell_credential();
  std::optional<Story> refused(const TlsPolicy& policy, const std::optional<TlsFiles>& files);
  [[nodiscard]] std::string credential_text(const Credentials& credentials) const;
  [[nodiscard]] bool is_capture_port(std::uint16_t port) const;
  [[nodiscard]] const ExplicitListener* explicit_listener() const;

  const Settings& settings_;
  const ExplainSettings& question_;
  std::vector<CertificatePtr> client_chain_;
  FirstPacket packet_;
  Story story_;
};

// By which interface it comes, and whether what it means is here. False: there is no way at all.
bool Explainer::place_the_client() {
  packet_.source = question_.source;
  packet_.destination = question_.destination;
  const std::string source =
      question_.source.port == 0 ? question_.source.address.to_string() : question_.source.to_string();
  story_.tell("client", fmt::format("{} to {}", source, question_.destination.to_string()));

  const std::optional<Route> back = route_to(question_.source.address);
  const std::optional<Route> there = route_to(question_.destination.address);
  packet_.is_destination_local = there && there->is_local;
  if (!question_.via.empty()) {
    packet_.interface = question_.via;
    story_.tell("interface", packet_.interface + ", as --via says");
  } else if (back) {
    packet_.interface = back->interface;
    story_.tell("interface", packet_.interface + (back->is_local ? ", since the client is this pod itself"
                                                                 : ", by the route back to the client"));
  } else {
    story_.tell("interface", "unknown: there is no route back to the client");
    return false;
  }
  story_.tell("destination",
              question_.destination.address.to_string() +
                  (packet_.is_destination_local ? " is an address of this pod" : " is not an address of this pod"));
  return true;
}

bool Explainer::is_capture_port(std::uint16_t port) const {
  const unsigned base = settings_.capture.capture_port_base;
  return settings_.capture.mode != CaptureMode::kNone && port >= base &&
         port < base + count_capture_ports(settings_.capture);
}

const ExplicitListener* Explainer::explicit_listener() const {
  for (const ExplicitListener& pair : settings_.listeners) {
    if (pair.port == packet_.destination.port && (!pair.address || *pair.address == packet_.destination.address))
      return &pair;
  }
  return nullptr;
}

// By the same choice as in the handshake.
std::string Explainer::credential_text(const Credentials& credentials) const {
  const std::string& wanted = question_.server_name;
  const CredentialChoice choice = choice_among(credentials);
  const std::optional<std::size_t> found = choice.find(wanted);
  if (!wanted.empty() && !found && settings_.tls.is_sni_strict)
    return "none: no certificate has the name " + log::printable(wanted) + ", and other names are refused";
  std::string text;
  for (const std::size_t place : choice.sets()[found.value_or(0)]) {
    text += (text.empty() ? "" : ", or ") + described(*credentials[place]);
    if (!wanted.empty() && !is_for_server(*credentials[place], wanted))
      text += "; a client that asks for " + log::printable(wanted) + " refuses it";
  }
  return text;
}

// None: the files cannot be used, or not be seen from here.
std::optional<TlsFiles> Explainer::tell_credential() {
  try {
    TlsFiles files = load_tls_files(settings_.tls);
    story_.tell("credential", credential_text(files.credentials));
    return files;
  } catch (const Failure& failure) {
    story_.tell("credential", std::string{"unusable: "} + failure.what());
    return std::nullopt;
  }
}

// How the handshake ends for a client that the port does not let in.
std::optional<Story> Explainer::refused(const TlsPolicy& policy, const std::optional<TlsFiles>& files) {
  if (policy.client_auth == ClientAuth::kNone) {
    if (!client_chain_.empty()) story_.tell("client-cert", "not asked for, since client-auth is none");
    return std::nullopt;
  }
  if (!files || !files->client_trust)
    return story_.end("unknown", "whom --client-ca-file lets in cannot be told without these files");
  const Admission admission = admission_of(client_chain_, *files->client_trust, policy);
  story_.tell("client-cert", admission.text);
  if (admission.outcome.empty()) return std::nullopt;
  return story_.end(admission.outcome, "an alert that ends the handshake; the app is not connected to");
}

// What the app gets before anything else. What depends on the handshake is not known here.
void Explainer::tell_proxy_header(ProxyProtocol version) {
  if (version == ProxyProtocol::kOff) return;
  const std::string header = proxy_header(version, {{packet_.source}, {packet_.destination}, std::nullopt, {}});
  std::string text;
  for (const char byte : header) text += fmt::format("{:02x}", static_cast<unsigned char>(byte));
  if (packet_.source.port == 0) text += " (with the client's port 0, which was not given)";
  if (version == ProxyProtocol::kV2) text += ", and behind it what the handshake brings: the length counts that too";
  story_.tell("header", text);
}

Story Explainer::served(const PortPolicy& policy, const Endpoint& destination) {
  const Endpoint app = upstream_address(policy, {destination}).endpoint;
  story_.tell("policy", policy_text(policy));
  const std::optional<TlsFiles> files = tell_credential();
  if (std::optional<Story> end = refused(policy.tls, files)) return std::move(*end);
  tell_proxy_header(policy.proxy_protocol);
  const Attempt attempt = connect_to(app);
  const auto listener = listener_at(app);
  story_.tell("upstream", app.to_string() + (listener ? ", where " + holder_of(*listener, socket_owners()) + " listens"
                                                      : ", where nobody listens"));
  if (attempt == Attempt::kStayed)
    return story_.end("served", "TLS with the client, and its bytes to " + app.to_string());
  const std::string outcome = attempt == Attempt::kRefused    ? "app_refused"
                              : attempt == Attempt::kTimedOut ? "connect_timeout"
                                                              : "app_unreachable";
  return story_.end(outcome, "TLS with the client, then a reset, since the app does not answer at " + app.to_string());
}

Story Explainer::judged(Verdict verdict, const PortPolicy* policy) {
  switch (verdict) {
    case Verdict::kServe: return served(*policy, packet_.destination);
    case Verdict::kProbe:
      return story_.end("probe", "`run` takes it for its own proof that it is captured, and ends it");
    case Verdict::kNotCaptured: return story_.end("not_captured", "a reset: nobody may speak to a capture port itself");
    case Verdict::kNotConfigured:
      return story_.end("not_configured",
                        "a reset: captured, but not a port of --ports; `init` ran with other settings");
    case Verdict::kForeignDestination:
      return story_.end("foreign_destination", "a reset: `run` serves addresses of this pod alone");
    case Verdict::kLoop: break;
  }
  return story_.end("loop", "a reset: it comes from `run` itself");
}

Story Explainer::at_the_capture_port(std::uint16_t port, bool is_diverted) {
  const Endpoint arrival{packet_.destination.address, port};
  const auto listener = listener_at(arrival);
  story_.tell("capture", fmt::format("port {}, where {} listens", port,
                                     listener ? holder_of(*listener, socket_owners()) : "nobody"));
  if (!listener && is_diverted)
    return story_.end("dropped", "the client hears nothing: `sidelock run` does not listen there");
  if (!listener) return story_.end("refused", "a reset by the kernel: `sidelock run` does not listen there");
  const Arrival arrived{{packet_.source}, {packet_.destination}, is_own(packet_.destination.address), false};
  const Judgement judgement = DestinationPolicy{settings_}.judge(arrived);
  return judged(judgement.verdict, judgement.policy);
}

// No rule took it: whoever listens there gets it as it is.
Story Explainer::at_a_listener(const Endpoint& target) {
  if (!packet_.is_destination_local) return story_.end("elsewhere", "it is not for this pod: forwarded, or dropped");
  const auto listener = listener_at(target);
  story_.tell("listener",
              listener ? holder_of(*listener, socket_owners()) + " on " + listener->local.to_string() : "nobody");
  if (!listener) return story_.end("refused", "a reset by the kernel: nobody listens there");
  if (const ExplicitListener* const pair = explicit_listener()) return served(pair->policy, target);
  if (is_capture_port(target.port)) return judged(Verdict::kNotCaptured, nullptr);
  return story_.end("plain", "it reaches the app as it is, without sidelock");
}

Story Explainer::through_rules() {
  const LiveRules live = read_live_rules();
  if (!live.is_known) {
    story_.code = live.code;
    story_.tell("rules", live.why_unknown);
    return story_.end("unknown", "the rules in the kernel cannot be read");
  }
  const Walk way = walk(live.ours, live.foreign, packet_);
  for (const std::string& rule : way.rules) story_.tell("rule", rule);
  if (way.rules.empty()) story_.tell("rule", "none matches");
  switch (way.fate) {
    case Fate::kCaptured: return at_the_capture_port(way.to_port, way.is_diverted);
    case Fate::kRejected: return story_.end("refused", "that rule resets it, as if nobody listened there");
    case Fate::kDropped: return story_.end("dropped", "that rule drops it: the client hears nothing");
    case Fate::kForeign: return story_.end("unknown", "a rule that is not sidelock's decides about it");
    case Fate::kUncertain: return story_.end("unknown", "whether that rule matches cannot be told from here");
    case Fate::kPassed: break;
  }
  return at_a_listener(packet_.destination);
}

Story Explainer::explain() {
  if (!place_the_client())
    return story_.end("unknown", "no answer would find the way back; name the interface with --via");
  return settings_.capture.mode == CaptureMode::kNone ? at_a_listener(packet_.destination) : through_rules();
}

}  // namespace

Diagnosis explain(const Settings& settings, const ExplainSettings& question) {
  const Story story = Explainer{settings, question}.explain();
  return {settings.output == OutputFormat::kJson ? story_as_json(story) : story_as_text(story), story.code};
}

}  // namespace sidelock
