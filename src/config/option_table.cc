// The settings themselves; see option_table.h. docs/settings.md tells more about each.
#include "config/option_table.h"

#include <algorithm>
#include <array>

namespace sidelock {

namespace {

using enum OptionGroup;
using enum OptionKind;

constexpr auto kOptions = std::to_array<OptionSpec>({
    {"ports", kCapture, kValue, "LIST", "",
     "App ports to protect, such as 80,8000-8010, or * for all; required unless --capture is none."},
    {"exclude-ports", kCapture, kValue, "LIST", "", "Ports taken out of --ports, such as those of probes or metrics."},
    {"exclude-sources", kCapture, kValue, "CIDRS", "",
     "Address blocks whose connections are not captured and reach the app in plain text."},
    {"interfaces", kCapture, kValue, "LIST", "",
     "Interfaces where connections come in; a trailing + is a wildcard, nothing means all but lo."},
    {"exclude-interfaces", kCapture, kValue, "LIST", "", "Interfaces whose connections are not captured."},
    {"capture", kCapture, kValue, "MODE", "redirect",
     "How connections get here: redirect or tproxy (by kernel rules), or none (by --listen, no rules)."},
    {"listen", kCapture, kValue, "PAIRS", "",
     "With --capture none: [ADDRESS:]PORT=[ADDRESS:]PORT pairs, listener and app; without an app address the app "
     "is at loopback."},
    {"drop-invalid", kCapture, kSwitch, "on|off", "on",
     "Drop segments that connection tracking calls invalid, else one stray segment can reset a connection."},
    {"hide-capture-ports", kCapture, kSwitch, "on|off", "on",
     "Reset connections from outside to a capture port itself, in the kernel."},
    {"route-table", kCapture, kValue, "N", "19132",
     "Number of the routing table that init fills for --preserve-source."},
    {"capture-timeout", kCapture, kValue, "DURATION", "30s",
     "How long run waits for the proof that the rules of init are in place."},
    {"allow-host-network", kCapture, kSwitch, "on|off", "off",
     "Let init work in a network namespace that looks like a node's."},
    {"allow-foreign-before", kCapture, kSwitch, "on|off", "off",
     "Let foreign rules that can decide about our ports stand before ours."},
    {"lock-wait", kCapture, kValue, "DURATION", "5s", "How long to wait for another init, and for the xtables lock."},
    {"backend", kCapture, kValue, "BACKEND", "auto",
     "What holds the rules: iptables, nftables, or auto (what is in use here, else what works)."},
    {"ip-family", kCapture, kValue, "FAMILY", "auto",
     "auto (both, without IPv6 where the kernel has none), ipv4, ipv6 or dual."},
    {"capture-port-base", kCapture, kValue, "PORT", "19100",
     "The first capture port; the n-th captured port is redirected to this port plus n - 1."},
    {"force", kCapture, kSwitch, "on|off", "off",
     "Let cleanup remove the rules although run serves their connections."},
    {"dry-run", kCapture, kSwitch, "on|off", "off",
     "Let init print the rules as iptables-save or nft text and change nothing."},

    {"upstream", kUpstream, kValue, "WHERE", "original",
     "Where the app is dialled: original (the address the client dialled), loopback, or an address of the pod."},
    {"map", kUpstream, kValue, "PAIRS", "", "Captured port to app port where they differ, such as 443:8080."},
    {"port-policy", kUpstream, kPolicies, "POLICIES", "",
     "Settings of one port or range that differ from those of all: PORT[-PORT]:KEY=VALUE,KEY=VALUE..., with ; between "
     "policies; the keys are the settings marked \"also per port\"."},
    {"preserve-source", kUpstream, kValue, "RULE", "off",
     "Let the app see the client's own address, over loopback: off, prefer (count what cannot be) or require "
     "(refuse it)."},
    {"connect-first", kUpstream, kSwitch, "on|off", "off",
     "Connect to the app before the TLS handshake, so that a refusing app refuses the handshake."},
    {"proxy-protocol", kUpstream, kValue, "VERSION", "off",
     "Tell the app the client's address in a PROXY protocol header: off, v1 or v2 (with what TLS agreed on)."},
    {"on-truncation", kUpstream, kValue, "RULE", "auto",
     "What the app sees when a client ends TCP without close_notify: auto (judged), reset or fin."},

    {"tls-dir", kTls, kValue, "DIRECTORY", "/etc/sidelock/tls",
     "Directory with tls.crt and tls.key, as a Kubernetes Secret is mounted."},
    {"tls-cert-file", kTls, kRepeatable, "FILE", "",
     "Certificate chain in PEM, in place of --tls-dir; several are chosen among by the client's server name."},
    {"tls-private-key-file", kTls, kRepeatable, "FILE", "",
     "Private key of the --tls-cert-file at the same place; without any, each certificate file holds its key."},
    {"self-signed", kTls, kValue, "NAME", "",
     "Make a throw-away certificate for this DNS name or address, for trying out only."},
    {"sni-strict", kTls, kSwitch, "on|off", "off",
     "Refuse a client that asks for a server name of no certificate; off: it gets the first certificate."},
    {"client-auth", kTls, kValue, "MODE", "none",
     "Ask clients for certificates: none, optional (a client may have none), or require."},
    {"client-ca-file", kTls, kValue, "FILE", "",
     "Authorities whose client certificates are taken, in PEM; empty: ca.crt of --tls-dir."},
    {"client-crl-file", kTls, kValue, "FILE", "",
     "Revocation lists in PEM, one of every authority; empty: revocation is not checked."},
    {"allow-dns", kTls, kRepeatable, "NAMES", "", "Clients that may connect, by a DNS name in their certificate."},
    {"allow-uri", kTls, kRepeatable, "URIS", "",
     "Clients that may connect, by a URI; * stands for one path segment, ** for the rest."},
    {"allow-cn", kTls, kRepeatable, "NAMES", "", "Clients that may connect, by the common name of their subject."},
    {"allow-ou", kTls, kRepeatable, "NAMES", "", "Clients that may connect, by an organizational unit."},
    {"allow-spki-pin", kTls, kRepeatable, "PINS", "",
     "Clients that may connect, by the SHA-256 of their public key in base64."},
    {"tls-min-version", kTls, kValue, "VERSION", "1.2", "The oldest TLS version that is served: 1.2 or 1.3."},
    {"tls-cipher-suites", kTls, kValue, "LIST", "",
     "Cipher suites by their OpenSSL names, the preferred one first; empty: Mozilla's intermediate set."},
    {"tls-groups", kTls, kValue, "LIST", "",
     "Key exchange groups, the preferred one first; empty: X25519MLKEM768 where OpenSSL has it, X25519, P-256, P-384."},
    {"record-layer", kTls, kValue, "CHOICE", "native",
     "Who protects the bytes after a TLS 1.3 handshake: native, in a third of the memory, or openssl."},
    {"alpn", kTls, kRepeatable, "LIST", "auto",
     "auto, a list such as h2,http/1.1 (others are refused), or empty to ignore the extension."},
    {"plaintext", kTls, kValue, "ACTION", "refuse",
     "What a client gets that does not begin with TLS: refuse, or allow while clients migrate."},
    {"preamble", kTls, kValue, "PROTOCOL", "none",
     "How clients may ask for TLS before they begin with it: none, or postgres (its SSLRequest)."},

    {"handshake-timeout", kLimits, kValue, "DURATION", "10s", "Limit for a TLS handshake."},
    {"connect-timeout", kLimits, kValue, "DURATION", "5s", "Limit for the connect to the app."},
    {"idle-timeout", kLimits, kValue, "DURATION", "0",
     "Close a connection without an application byte in either direction for so long; 0: never."},
    {"close-timeout", kLimits, kValue, "DURATION", "60s",
     "Close a connection whose app has ended when the client sends nothing for so long."},
    {"tcp-user-timeout", kLimits, kValue, "DURATION", "30s",
     "Give up on a peer that acknowledges nothing for so long; 0: as the kernel does."},
    {"tcp-keepalive", kLimits, kValue, "DURATION", "30s",
     "Idle time before keep-alive probes, three at 10 s distance; 0: none."},
    {"key-update-limit", kLimits, kValue, "N", "100", "TLS key updates per second and connection, then it is closed."},
    {"max-connections", kLimits, kValue, "auto|N", "auto",
     "Connections at a time; auto follows the descriptor and memory limits, at most 10000."},
    {"max-connections-per-client", kLimits, kValue, "N", "0",
     "Connections at a time of one client address; 0: no limit."},
    {"max-handshakes", kLimits, kValue, "auto|N", "auto",
     "Handshakes begun before open connections have their turn; auto is a tenth of --max-connections, at least 64."},
    {"when-full", kLimits, kValue, "ACTION", "reset",
     "What a connection above --max-connections gets: reset, or wait in the accept queue."},

    {"config", kProcess, kValue, "FILE", "", "File with lines such as idle-timeout = 1h; # starts a comment."},
    {"workers", kProcess, kValue, "auto|N", "auto", "Threads; auto is the CPU quota of the cgroup, rounded up."},
    {"drain-delay", kProcess, kValue, "DURATION", "5s",
     "How long connections are still accepted after SIGTERM, while endpoints learn of it."},
    {"drain-timeout", kProcess, kValue, "DURATION", "20s",
     "How long transfers may go on after the delay; what is left then is reset."},
    {"output", kProcess, kValue, "FORMAT", "plain", "What doctor and explain print: plain (for people) or json."},
    {"via", kProcess, kValue, "INTERFACE", "",
     "For explain: the interface by which the connection comes in; nothing means by the route back to the client."},
    {"sni", kProcess, kValue, "NAME", "", "For explain: the server name that the client asks for."},
    {"client-cert", kProcess, kValue, "FILE", "",
     "For explain: the certificate that the client shows, followed by its issuers; PEM."},
    {"admin-address", kProcess, kValue, "ADDRESS:PORT", "[::]:19080",
     "Where /livez, /readyz, /startupz and /metrics are; [::]: both families; none: nowhere."},
    {"status-address", kProcess, kValue, "ADDRESS:PORT", "127.0.0.1:19081",
     "Where the status page for browsers is, as kubectl port-forward reaches it; none: nowhere."},
    {"ready-needs", kProcess, kValue, "LIST", "",
     "What readiness needs besides: valid-certificate makes it fail once the certificate has expired."},
    {"log-format", kProcess, kValue, "FORMAT", "auto", "plain, json, or auto: plain on a terminal, json elsewhere."},
    {"log-level", kProcess, kValue, "LEVEL", "info", "The least level that is logged: debug, info, warning or error."},
    {"access-log", kProcess, kSwitch, "on|off", "on", "Log one line for each connection at its end."},
});

}  // namespace

std::span<const OptionSpec> option_table() { return kOptions; }

const OptionSpec* find_option(std::string_view name) {
  const auto* const found = std::ranges::find(kOptions, name, &OptionSpec::name);
  return found == kOptions.end() ? nullptr : found;
}

std::string environment_name(std::string_view option_name) {
  std::string name = "SIDELOCK_";
  for (const char letter : option_name) {
    name += letter == '-' ? '_' : static_cast<char>(letter >= 'a' && letter <= 'z' ? letter - 'a' + 'A' : letter);
  }
  return name;
}

std::string_view group_title(OptionGroup group) {
  switch (group) {
    case kCapture: return "Capture";
    case kUpstream: return "Upstream";
    case kTls: return "TLS";
    case kLimits: return "Limits";
    case kProcess: break;
  }
  return "Process";
}

}  // namespace sidelock
