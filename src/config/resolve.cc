// See resolve.h.
#include "config/resolve.h"

#include <algorithm>
#include <map>

#include <fmt/format.h>

#include "base/error.h"
#include "base/interface_pattern.h"
#include "config/admin_settings.h"
#include "config/capture_contract.h"
#include "config/capture_ports.h"
#include "config/listen_pairs.h"
#include "config/policy_checks.h"
#include "config/port_policies.h"
#include "config/port_ranges.h"

namespace sidelock {

namespace {

using std::chrono::milliseconds;

constexpr unsigned kLastCapturePortBase = 29998;  // from 30000 on there are the NodePorts of Kubernetes

[[noreturn]] void usage(const std::string& message) { throw Failure{ExitCode::kUsage, message}; }

// ---- capture

void check_interfaces(const SettingValues& values, const CaptureSettings& capture) {
  for (const std::string& name : capture.interfaces) {
    // "+" alone leaves it out; and tproxy would take the pod's own connections from the app.
    if (name != "+" && fits(name, "lo"))
      refuse(values.of("interfaces"), name, "fits lo, which is never captured", "longer beginnings of names, or +");
  }
  constexpr std::string_view kAllowed = "names that leave something of --interfaces";
  const SettingValue& excluded = values.of("exclude-interfaces");
  for (const std::string& pattern : capture.exclude_interfaces) {
    if (pattern == "+") refuse(excluded, pattern, "is every interface, so that nothing would be captured", kAllowed);
    for (const std::string& name : capture.interfaces) {
      if (pattern == name) refuse(excluded, name, "is in --interfaces too", "names in one of the two");
      if (covers(pattern, name))
        refuse(excluded, pattern, fmt::format("takes out all of \"{}\" of --interfaces", name), kAllowed);
    }
  }
}

void check_captured_mode(const SettingValues& values, const LocalPorts& local, const CaptureSettings& capture) {
  if (values.is_given("listen")) {
    usage(fmt::format("{}: needs --capture none, but {} is \"{}\"; allowed: --listen with --capture none, or --ports",
                      values.of("listen").where, values.of("capture").where, values.of("capture").text));
  }
  check_capture_ports(values, local, capture);
  check_interfaces(values, capture);
}

void check_explicit_mode(const SettingValues& values) {
  for (const std::string_view name : {"ports", "map"}) {
    if (values.is_given(name)) {
      usage(fmt::format("{}: has no meaning with --capture none; allowed: --listen [ADDRESS:]PORT=[ADDRESS:]PORT",
                        values.of(name).where));
    }
  }
  if (!values.is_given("listen"))
    usage("--listen: is required with --capture none; allowed: such as --listen 8443=8080");
}

CaptureSettings capture_settings(const SettingValues& values, const LocalPorts& local) {
  CaptureSettings capture;
  capture.mode = parse_choice<CaptureMode>(
      values.of("capture"),
      {{"redirect", CaptureMode::kRedirect}, {"tproxy", CaptureMode::kTproxy}, {"none", CaptureMode::kNone}});
  capture.exclude_sources = parse_cidrs(values.of("exclude-sources"));
  capture.interfaces = parse_interfaces(values.of("interfaces"));
  capture.exclude_interfaces = parse_interfaces(values.of("exclude-interfaces"));
  capture.backend = parse_choice<BackendChoice>(
      values.of("backend"),
      {{"auto", BackendChoice::kAuto}, {"iptables", BackendChoice::kIptables}, {"nftables", BackendChoice::kNftables}});
  capture.ip_family = parse_choice<IpFamily>(
      values.of("ip-family"),
      {{"auto", IpFamily::kAuto}, {"ipv4", IpFamily::kIpv4}, {"ipv6", IpFamily::kIpv6}, {"dual", IpFamily::kDual}});
  // base - 1 is a port of ours too, and port 0 is none.
  capture.capture_port_base =
      static_cast<std::uint16_t>(parse_number(values.of("capture-port-base"), {2, kLastCapturePortBase}));
  parse_capture_ports(values, local, capture);
  capture.drop_invalid = parse_switch(values.of("drop-invalid"));
  capture.hide_capture_ports = parse_switch(values.of("hide-capture-ports"));
  // 0 and 253 to 255 are the kernel's own: unspecified, default, main and local.
  capture.route_table = static_cast<std::uint32_t>(parse_number(values.of("route-table"), {256, 0x7fffffff}));
  capture.allow_host_network = parse_switch(values.of("allow-host-network"));
  capture.allow_foreign_before = parse_switch(values.of("allow-foreign-before"));
  capture.lock_wait = parse_duration(values.of("lock-wait"));
  capture.capture_timeout = parse_duration(values.of("capture-timeout"), {.least = milliseconds{1}});
  return capture;
}

// ---- upstream

using PortMap = std::map<std::uint16_t, std::uint16_t>;

PortMap parse_map(const SettingValue& value) {
  constexpr std::string_view kAllowed = "CAPTURED:APP pairs of ports, each captured port once, such as 443:8080";
  PortMap map;
  for (const std::string& item : parse_list(value, kAllowed)) {
    const std::string_view text = item;
    const std::size_t colon = text.find(':');
    const auto captured = port_from(text.substr(0, colon));
    const auto app = colon == std::string_view::npos ? std::nullopt : port_from(text.substr(colon + 1));
    if (!captured || !app) refuse(value, item, "is not a pair of ports", kAllowed);
    if (!map.emplace(*captured, *app).second) refuse(value, item, "maps a port for the second time", kAllowed);
  }
  return map;
}

void check_map(const SettingValue& value, const PortMap& map, const CaptureSettings& capture) {
  const std::size_t last = capture.capture_port_base + count_capture_ports(capture);
  for (const auto& [captured, app] : map) {
    const std::string item = fmt::format("{}:{}", captured, app);
    if (!contains(capture.ports, captured)) refuse(value, item, "maps a port that is not captured", "ports of --ports");
    if (app + 1U >= capture.capture_port_base && app <= last) {
      refuse(value, item, "leads back to a capture port", "ports of the app");
    }
  }
}

// What a setting implies for another one, after both the global settings and the port's own are known.
PortPolicy with_implied(PortPolicy policy) {
  // It is 127.0.0.1 and ::1 whose answers to a client's address `init` keeps in the pod.
  if (policy.preserve_source != PreserveSource::kOff) policy.upstream = UpstreamMode::kLoopback;
  return policy;
}

// With `*` only those that have something of their own: the rest share one policy.
std::vector<PortRange> ports_to_list(const CaptureSettings& capture, const PortMap& map, const PortPolicies& policies) {
  if (!capture.is_any_port) return capture.ports;
  std::vector<PortRange> ports = policies.ports();
  for (const auto& [captured, app] : map) ports.push_back({captured, captured});
  return normalised(std::move(ports));
}

std::vector<CapturedPort> captured_ports(const CaptureSettings& capture, const PortMap& map,
                                         const PortPolicies& policies) {
  std::vector<CapturedPort> all;
  for (const std::uint16_t port : expand(ports_to_list(capture, map, policies))) {
    CapturedPort captured{port, policies.defaults()};
    const auto mapped = map.find(port);
    captured.policy.app_port = mapped == map.end() ? port : mapped->second;
    policies.apply(port, captured.policy);
    captured.policy = with_implied(captured.policy);
    all.push_back(std::move(captured));
  }
  return all;
}

// Whether any port asks for it: the rules of `init` are for all of them.
bool is_source_preserved(const Settings& settings) {
  const auto asks = [](const PortPolicy& policy) { return policy.preserve_source != PreserveSource::kOff; };
  if (settings.capture.is_any_port && asks(settings.any_port)) return true;
  return std::ranges::any_of(settings.captured_ports, asks, &CapturedPort::policy);
}

std::vector<ExplicitListener> explicit_listeners(const SettingValues& values, const PortPolicies& policies) {
  std::vector<ExplicitListener> listeners = parse_listeners(values.of("listen"), policies.defaults());
  for (ExplicitListener& listener : listeners) {
    policies.apply(listener.port, listener.policy);
  }
  return listeners;
}

void check_policies(const Settings& settings, const PortPolicies& policies) {
  if (settings.capture.mode != CaptureMode::kNone) policies.check_ports(settings.capture.ports, "--ports");
  if (settings.capture.is_any_port) check_policy(policies.texts(0), settings.any_port, settings.capture.mode);
  for (const CapturedPort& captured : settings.captured_ports) {
    check_policy(policies.texts(captured.port), captured.policy, settings.capture.mode);
  }
  std::vector<PortRange> listening;
  for (const ExplicitListener& listener : settings.listeners) {
    check_policy(policies.texts(listener.port), listener.policy, settings.capture.mode);
    listening.push_back({listener.port, listener.port});
  }
  if (settings.capture.mode == CaptureMode::kNone) policies.check_ports(normalised(std::move(listening)), "--listen");
}

// ---- TLS

void check_tls_sources(const SettingValues& values) {
  constexpr std::string_view kSources = "one of --tls-dir, --tls-cert-file and --self-signed";
  std::string_view first;
  for (const std::string_view name : {"tls-dir", "tls-cert-file", "self-signed"}) {
    if (!values.is_given(name)) continue;
    if (!first.empty()) {
      usage(fmt::format("{}: is given together with {}; allowed: {}", values.of(name).where, values.of(first).where,
                        kSources));
    }
    first = name;
  }
  const SettingValue& directory = values.of("tls-dir");
  if (first.empty() && directory.text.empty()) refuse(directory, "", "names no directory", kSources);
}

TlsSettings tls_settings(const SettingValues& values) {
  constexpr std::string_view kFiles = "file names, comma separated";
  TlsSettings tls;
  tls.certificate_files = parse_list(values.of("tls-cert-file"), kFiles);
  tls.private_key_files = parse_list(values.of("tls-private-key-file"), kFiles);
  tls.self_signed = parse_certificate_name(values.of("self-signed"));
  if (tls.certificate_files.empty() && tls.self_signed.empty()) tls.directory = values.of("tls-dir").text;
  tls.is_sni_strict = parse_switch(values.of("sni-strict"));
  tls.is_tls12_allowed = parse_choice<bool>(values.of("tls-min-version"), {{"1.2", true}, {"1.3", false}});
  tls.cipher_suites = parse_list(values.of("tls-cipher-suites"), "names of cipher suites, comma separated");
  tls.groups = parse_list(values.of("tls-groups"), "names of groups, comma separated");
  tls.is_record_layer_native = parse_choice<bool>(values.of("record-layer"), {{"native", true}, {"openssl", false}});
  return tls;
}

bool asks_clients(const Settings& settings) {
  const auto asks = [](const auto& port) { return port.policy.tls.client_auth != ClientAuth::kNone; };
  const bool does_any_port = settings.capture.is_any_port && settings.any_port.tls.client_auth != ClientAuth::kNone;
  return does_any_port || std::ranges::any_of(settings.captured_ports, asks) ||
         std::ranges::any_of(settings.listeners, asks);
}

// The files are used only where a port asks for certificates.
void find_client_files(const SettingValues& values, Settings& settings) {
  TlsSettings& tls = settings.tls;
  tls.client_ca_file = values.of("client-ca-file").text;
  tls.client_crl_file = values.of("client-crl-file").text;
  if (!asks_clients(settings)) {
    for (const std::string_view name : {"client-ca-file", "client-crl-file"}) {
      if (!values.is_given(name)) continue;
      usage(
          fmt::format("{}: has no meaning while no port asks clients for certificates; allowed: with --client-auth "
                      "optional or require",
                      values.of(name).where));
    }
  } else if (tls.client_ca_file.empty()) {
    if (tls.directory.empty()) {
      usage(
          fmt::format("{}: asks for client certificates without authorities; allowed: --client-ca-file FILE, or "
                      "--tls-dir with a ca.crt",
                      values.of("client-auth").where));
    }
    tls.client_ca_file = tls.directory + "/ca.crt";
  }
}

void check_tls(const SettingValues& values, const TlsSettings& tls) {
  check_tls_sources(values);
  const std::size_t keys = tls.private_key_files.size();
  const std::size_t certificates = tls.certificate_files.size();
  if (keys == 0 || keys == certificates) return;
  usage(fmt::format(
      "{}: has {} file{} for {} of --tls-cert-file; allowed: one for each certificate file in the same order, or "
      "none when each holds its key",
      values.of("tls-private-key-file").where, keys, keys == 1 ? "" : "s", certificates));
}

// ---- limits and process

LimitSettings limit_settings(const SettingValues& values) {
  constexpr std::uint32_t kMany = 10'000'000;
  const DurationBounds positive{.least = milliseconds{1}};
  LimitSettings limits;
  limits.handshake_timeout = parse_duration(values.of("handshake-timeout"), positive);
  limits.connect_timeout = parse_duration(values.of("connect-timeout"), positive);
  limits.idle_timeout = parse_duration(values.of("idle-timeout"));
  limits.close_timeout = parse_duration(values.of("close-timeout"), positive);
  limits.tcp_user_timeout = parse_duration(values.of("tcp-user-timeout"));
  // The kernel counts this one in whole seconds and takes at most 32767 of them.
  limits.tcp_keepalive = parse_duration(values.of("tcp-keepalive"), {.most = std::chrono::hours{9}});
  if (limits.tcp_keepalive % std::chrono::seconds{1} != milliseconds{0}) {
    refuse(values.of("tcp-keepalive"), values.of("tcp-keepalive").text, "has a fraction of a second",
           "whole seconds, or 0");
  }
  limits.drain_delay = parse_duration(values.of("drain-delay"));
  limits.drain_timeout = parse_duration(values.of("drain-timeout"));
  limits.key_update_limit = parse_number(values.of("key-update-limit"), {1, 1'000'000});
  limits.max_connections_per_client = parse_number(values.of("max-connections-per-client"), {0, kMany});
  limits.max_connections = parse_number_or_auto(values.of("max-connections"), {1, kMany});
  limits.max_handshakes = parse_number_or_auto(values.of("max-handshakes"), {1, kMany});
  limits.when_full =
      parse_choice<WhenFull>(values.of("when-full"), {{"reset", WhenFull::kReset}, {"wait", WhenFull::kWait}});
  return limits;
}

ProcessSettings process_settings(const SettingValues& values) {
  ProcessSettings process;
  process.workers = parse_number_or_auto(values.of("workers"), {1, 256});
  process.log_format = parse_choice<LogFormat>(
      values.of("log-format"), {{"auto", LogFormat::kAuto}, {"plain", LogFormat::kPlain}, {"json", LogFormat::kJson}});
  process.log_level = parse_choice<LogLevel>(values.of("log-level"), {{"debug", LogLevel::kDebug},
                                                                      {"info", LogLevel::kInfo},
                                                                      {"warning", LogLevel::kWarning},
                                                                      {"error", LogLevel::kError}});
  process.access_log = parse_switch(values.of("access-log"));
  return process;
}

}  // namespace

Settings resolve(const SettingValues& values, Command command, const LocalPorts& local) {
  Settings settings;
  settings.capture = capture_settings(values, local);
  const PortPolicies policies{values};
  const PortMap map = parse_map(values.of("map"));
  settings.listeners = explicit_listeners(values, policies);
  settings.tls = tls_settings(values);
  settings.limits = limit_settings(values);
  settings.process = process_settings(values);
  settings.admin = admin_settings(values);
  settings.dry_run = parse_switch(values.of("dry-run"));
  settings.output =
      parse_choice<OutputFormat>(values.of("output"), {{"plain", OutputFormat::kPlain}, {"json", OutputFormat::kJson}});

  const bool is_captured = settings.capture.mode != CaptureMode::kNone;
  const bool is_for_connections = command != Command::kInit && command != Command::kCleanup;
  if (command == Command::kInit || is_for_connections) {
    if (is_captured) check_captured_mode(values, local, settings.capture);
    if (!is_captured) check_explicit_mode(values);
    check_admin_settings(values, settings);
  }
  if (is_captured) {
    settings.listeners.clear();
    settings.captured_ports = captured_ports(settings.capture, map, policies);
    settings.any_port = with_implied(policies.defaults());
    settings.capture.is_source_preserved = is_source_preserved(settings);
  }
  if (is_for_connections) {
    if (is_captured) check_map(values.of("map"), map, settings.capture);
    check_policies(settings, policies);
    check_tls(values, settings.tls);
    find_client_files(values, settings);
  }
  return settings;
}

}  // namespace sidelock
