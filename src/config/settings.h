// Every setting as a plain value: what the command line, the environment and the config file were resolved to.
// Filled by config/options.cc, read by everybody; immutable once a command runs, so any thread may read it.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/address.h"
#include "config/client_policy.h"

namespace sidelock {

struct PortRange {
  std::uint16_t first = 0;
  std::uint16_t last = 0;  // inclusive
  friend auto operator<=>(const PortRange&, const PortRange&) noexcept = default;
};

enum class CaptureMode { kRedirect, kTproxy, kNone };
enum class BackendChoice { kAuto, kIptables, kNftables };
enum class IpFamily { kAuto, kIpv4, kIpv6, kDual };

// What `init` installs, and what `run` and `doctor` may rely on.
struct CaptureSettings {
  CaptureMode mode = CaptureMode::kRedirect;
  std::vector<PortRange> ports;         // sorted, disjoint, not adjacent; --exclude-ports already taken out
  bool is_any_port = false;             // --ports '*': `ports` are all that can be captured
  bool is_source_preserved = false;     // some port has --preserve-source: replies to clients' addresses must find lo
  std::vector<Cidr> exclude_sources;    // sorted, unique
  std::vector<std::string> interfaces;  // empty: all but lo; a trailing '+' is a wildcard
  std::vector<std::string> exclude_interfaces;
  BackendChoice backend = BackendChoice::kAuto;
  IpFamily ip_family = IpFamily::kAuto;
  std::uint16_t capture_port_base = 19100;
  bool drop_invalid = true;
  bool hide_capture_ports = true;
  std::uint32_t route_table = 19132;  // of --preserve-source
  bool allow_host_network = false;
  bool allow_foreign_before = false;
  std::chrono::milliseconds lock_wait{5000};
  std::chrono::milliseconds capture_timeout{30000};
};

enum class UpstreamMode { kOriginal, kLoopback, kAddress };

// What a bare TCP end of the client, without close_notify, becomes for the app.
enum class OnTruncation { kAuto, kReset, kFin };

// The header that tells the app whom a connection comes from.
enum class ProxyProtocol { kOff, kV1, kV2 };

// Whether the app sees the client's own address: a connection without it is refused, or made and counted.
enum class PreserveSource { kOff, kPrefer, kRequire };

enum class AlpnMode { kAuto, kList, kIgnore };

// How a client may ask for TLS before it begins with it.
enum class Preamble { kNone, kPostgres };

// How TLS is spoken on one port. The handshake's callbacks get it by connection (tls/context.h).
struct TlsPolicy {
  AlpnMode alpn_mode = AlpnMode::kAuto;
  std::vector<std::string> alpn;  // only for AlpnMode::kList; each 1 to 255 bytes
  bool is_plaintext_allowed = false;
  Preamble preamble = Preamble::kNone;
  ClientAuth client_auth = ClientAuth::kNone;
  AllowList allowed_clients;  // only with ClientAuth::kRequire; empty: every client with a verified certificate
};

// How a connection to one port is served: the global settings, and over them those of --port-policy. Immutable while a
// command runs, so it may be referred to for as long as a connection lives.
struct PortPolicy {
  std::uint16_t app_port = 0;  // where the app listens: --map, else (or 0) the port the client dialled
  UpstreamMode upstream = UpstreamMode::kOriginal;
  IpAddress upstream_address;  // only for UpstreamMode::kAddress
  OnTruncation on_truncation = OnTruncation::kAuto;
  ProxyProtocol proxy_protocol = ProxyProtocol::kOff;
  PreserveSource preserve_source = PreserveSource::kOff;  // else upstream is kLoopback
  bool connect_first = false;                             // to the app before the ServerHello
  TlsPolicy tls;
};

// One captured port.
struct CapturedPort {
  std::uint16_t port = 0;
  PortPolicy policy;
};

// One pair of --listen (explicit mode): listen here, relay there.
struct ExplicitListener {
  std::optional<IpAddress> address;  // none: every address, both families
  std::uint16_t port = 0;
  PortPolicy policy;  // upstream is kAddress, or kLoopback when the pair names no app address
};

struct TlsSettings {
  std::string directory;                       // --tls-dir; empty when another source is given
  std::vector<std::string> certificate_files;  // --tls-cert-file, --tls-private-key-file: pairs by position;
  std::vector<std::string> private_key_files;  // no key files at all: each certificate file holds its key
  std::string self_signed;                     // --self-signed NAME
  bool is_sni_strict = false;                  // unknown server names are refused
  std::string client_ca_file;                  // empty: no port asks clients for certificates
  std::string client_crl_file;                 // empty: revocation is not checked
  bool is_tls12_allowed = true;                // --tls-min-version 1.2
  std::vector<std::string> cipher_suites;      // in our order of preference; empty: the built-in ones
  std::vector<std::string> groups;             // the same for key exchange groups
  bool is_record_layer_native = true;          // --record-layer native: ours after a TLS 1.3 handshake
};

enum class WhenFull { kReset, kWait };

// Limits of connections; zero durations mean "no limit" where product text says so (idle).
struct LimitSettings {
  std::chrono::milliseconds handshake_timeout{10'000};
  std::chrono::milliseconds connect_timeout{5'000};
  std::chrono::milliseconds idle_timeout{0};
  std::chrono::milliseconds close_timeout{60'000};
  std::chrono::milliseconds tcp_user_timeout{30'000};
  std::chrono::milliseconds tcp_keepalive{30'000};
  std::chrono::milliseconds drain_delay{5'000};
  std::chrono::milliseconds drain_timeout{20'000};
  std::uint32_t key_update_limit = 100;          // per second and connection
  std::uint32_t max_connections_per_client = 0;  // 0: off
  std::optional<std::uint32_t> max_connections;  // none: auto
  std::optional<std::uint32_t> max_handshakes;   // none: auto
  WhenFull when_full = WhenFull::kReset;
};

enum class LogFormat { kAuto, kPlain, kJson };
enum class LogLevel { kDebug, kInfo, kWarning, kError };

struct ProcessSettings {
  std::optional<std::uint32_t> workers;  // none: the cgroup's CPU quota, rounded up
  LogFormat log_format = LogFormat::kAuto;
  LogLevel log_level = LogLevel::kInfo;
  bool access_log = true;
};

// What doctor prints.
enum class OutputFormat { kPlain, kJson };

// Where health and metrics are served, apart from the data path.
struct AdminSettings {
  static constexpr std::size_t kMostClients = 32;  // at a time, each with a descriptor

  std::optional<Endpoint> address;           // none: off; [::] means every address of both families
  std::optional<Endpoint> status_address;    // of the status page; the same
  bool is_valid_certificate_needed = false;  // --ready-needs valid-certificate
};

struct Settings {
  CaptureSettings capture;
  std::vector<CapturedPort> captured_ports;  // sorted; of all capture.ports, with --ports '*' those that differ
  PortPolicy any_port;                       // with --ports '*': the policy of all other ports
  std::vector<ExplicitListener> listeners;   // only with CaptureMode::kNone
  TlsSettings tls;
  LimitSettings limits;
  ProcessSettings process;
  AdminSettings admin;
  bool dry_run = false;  // init only
  OutputFormat output = OutputFormat::kPlain;
};

}  // namespace sidelock
