// See resolve.h.
#include "config/resolve.h"

#include <algorithm>
#include <map>

#include <fmt/format.h>

#include "base/error.h"
#include "config/admin_settings.h"
#include "config/capture_contract.h"
#include "config/listen_pairs.h"
#include "config/policy_checks.h"
#include "config/port_policies.h"
#include "config/port_ranges.h"

namespace sidelock {

namespace {

using std::chrono::milliseconds;

constexpr unsigned kLastCapturePort = 29999;  // above begin the NodePorts of Kubernetes

[[noreturn]] void usage(const std::string& message) { throw Failure{ExitCode::kUsage, message}; }

// ---- capture

void check_interfaces(const SettingValues& values, const CaptureSettings& capture) {
  for (const std::string& name : capture.exclude_interfaces) {
    if (std::ranges::binary_search(capture.interfaces, name)) {
      refuse(values.of("exclude-interfaces"), name, "is in --interfaces too", "names in one of the two");
    }
  }
}

void check_capture_ports(const SettingValues& values, const CaptureSettings& capture) {
  const SettingValue& base = values.of("capture-port-base");
  const std::size_t ports = count(capture.ports);
  const std::size_t last = capture.capture_port_base + ports;
  const std::string room = fmt::format(
      "a port so that the {} ports from it and one on either side are free and at most {}", ports, kLastCapturePort);
  if (last > kLastCapturePort) {
    refuse(base, base.text, fmt::format("is too high: {} captured ports would reach {}", ports, last), room);
  }
  for (std::size_t port = capture.capture_port_base - 1U; port <= last; ++port) {
    if (contains(capture.ports, static_cast<unsigned>(port))) {
      refuse(base, base.text, fmt::format("makes {} a port of ours, but --ports has it", port), room);
    }
  }
  static_cast<void>(probe_port(capture));  // throws when --ports leaves none
}

void check_captured_ports(const SettingValues& values, const CaptureSettings& capture) {
  if (values.is_given("listen")) {
    usage(fmt::format(
        "{}: needs --capture none, but {} is \"redirect\"; allowed: --listen with --capture none, or --ports",
        values.of("listen").where, values.of("capture").where));
  }
  if (!values.is_given("ports"))
    usage("--ports: is required with --capture redirect; allowed: such as --ports 80,8000-8010");
  if (capture.ports.empty())
    usage(fmt::format("{}: --exclude-ports leaves no port of --ports \"{}\"; allowed: at least one",
                      values.of("exclude-ports").where, values.of("ports").text));
  check_interfaces(values, capture);
  check_capture_ports(values, capture);
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

CaptureSettings capture_settings(const SettingValues& values) {
  CaptureSettings capture;
  capture.mode = parse_choice<CaptureMode>(values.of("capture"),
                                           {{"redirect", CaptureMode::kRedirect}, {"none", CaptureMode::kNone}});
  capture.ports = without(parse_ports(values.of("ports")), parse_ports(values.of("exclude-ports")));
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
      static_cast<std::uint16_t>(parse_number(values.of("capture-port-base"), {2, kLastCapturePort - 1}));
  capture.drop_invalid = parse_switch(values.of("drop-invalid"));
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
  const std::size_t last = capture.capture_port_base + count(capture.ports);
  for (const auto& [captured, app] : map) {
    const std::string item = fmt::format("{}:{}", captured, app);
    if (!contains(capture.ports, captured)) refuse(value, item, "maps a port that is not captured", "ports of --ports");
    if (app + 1U >= capture.capture_port_base && app <= last) {
      refuse(value, item, "leads back to a capture port", "ports of the app");
    }
  }
}

std::vector<CapturedPort> captured_ports(const CaptureSettings& capture, const PortMap& map,
                                         const PortPolicies& policies) {
  std::vector<CapturedPort> all;
  for (const std::uint16_t port : expand(capture.ports)) {
    CapturedPort captured{port, policies.defaults()};
    const auto mapped = map.find(port);
    captured.policy.app_port = mapped == map.end() ? port : mapped->second;
    policies.apply(port, captured.policy);
    all.push_back(std::move(captured));
  }
  return all;
}

std::vector<ExplicitListener> explicit_listeners(const SettingValues& values, const PortPolicies& policies) {
  std::vector<ExplicitListener> listeners = parse_listeners(values.of("listen"), policies.defaults());
  for (ExplicitListener& listener : listeners) {
    policies.apply(listener.port, listener.policy);
  }
  return listeners;
}

void check_policies(const Settings& settings, const PortPolicies& policies) {
  if (settings.capture.mode == CaptureMode::kRedirect) policies.check_ports(settings.capture.ports, "--ports");
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
  return tls;
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

Settings resolve(const SettingValues& values, Command command) {
  Settings settings;
  settings.capture = capture_settings(values);
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

  const bool is_redirect = settings.capture.mode == CaptureMode::kRedirect;
  const bool is_for_connections = command == Command::kRun || command == Command::kDoctor;
  if (command == Command::kInit || is_for_connections) {
    if (is_redirect) check_captured_ports(values, settings.capture);
    if (!is_redirect) check_explicit_mode(values);
    check_admin_settings(values, settings);
  }
  if (is_redirect) {
    settings.listeners.clear();
    settings.captured_ports = captured_ports(settings.capture, map, policies);
  }
  if (is_for_connections) {
    if (is_redirect) check_map(values.of("map"), map, settings.capture);
    check_policies(settings, policies);
    check_tls(values, settings.tls);
  }
  return settings;
}

}  // namespace sidelock
