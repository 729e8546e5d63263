// See policy_keys.h.
#include "config/policy_keys.h"

#include <algorithm>
#include <array>

#include "base/lower_case.h"
#include "base/uri_pattern.h"

namespace sidelock {

namespace {

void parse_upstream(const SettingValue& value, PortPolicy& policy) {
  constexpr std::string_view kAllowed = "original, loopback, or an address of the pod";
  policy.upstream_address = {};
  if (value.text == "original" || value.text == "loopback") {
    policy.upstream = value.text == "original" ? UpstreamMode::kOriginal : UpstreamMode::kLoopback;
    return;
  }
  const auto address = IpAddress::parse(value.text);
  if (!address) refuse(value, value.text, "is no address", kAllowed);
  const bool is_unroutable = address->is_unspecified() || address->is_multicast();
  if (is_unroutable || (!address->is_ipv4() && address->is_link_local())) {
    refuse(value, value.text, "is an address that no app can be dialled at", kAllowed);
  }
  policy.upstream = UpstreamMode::kAddress;
  policy.upstream_address = *address;
}

void parse_on_truncation(const SettingValue& value, PortPolicy& policy) {
  policy.on_truncation = parse_choice<OnTruncation>(
      value, {{"auto", OnTruncation::kAuto}, {"reset", OnTruncation::kReset}, {"fin", OnTruncation::kFin}});
}

void parse_proxy_protocol(const SettingValue& value, PortPolicy& policy) {
  policy.proxy_protocol = parse_choice<ProxyProtocol>(
      value, {{"off", ProxyProtocol::kOff}, {"v1", ProxyProtocol::kV1}, {"v2", ProxyProtocol::kV2}});
}

void parse_preserve_source(const SettingValue& value, PortPolicy& policy) {
  policy.preserve_source = parse_choice<PreserveSource>(
      value,
      {{"off", PreserveSource::kOff}, {"prefer", PreserveSource::kPrefer}, {"require", PreserveSource::kRequire}});
}

void parse_connect_first(const SettingValue& value, PortPolicy& policy) { policy.connect_first = parse_switch(value); }

void parse_alpn(const SettingValue& value, PortPolicy& policy) {
  policy.tls.alpn.clear();
  policy.tls.alpn_mode = AlpnMode::kAuto;
  if (value.text == "auto") return;
  policy.tls.alpn = parse_protocols(value);
  policy.tls.alpn_mode = policy.tls.alpn.empty() ? AlpnMode::kIgnore : AlpnMode::kList;
}

void parse_plaintext(const SettingValue& value, PortPolicy& policy) {
  policy.tls.is_plaintext_allowed = parse_choice<bool>(value, {{"refuse", false}, {"allow", true}});
}

void parse_preamble(const SettingValue& value, PortPolicy& policy) {
  policy.tls.preamble = parse_choice<Preamble>(value, {{"none", Preamble::kNone}, {"postgres", Preamble::kPostgres}});
}

void parse_client_auth(const SettingValue& value, PortPolicy& policy) {
  policy.tls.client_auth = parse_choice<ClientAuth>(
      value, {{"none", ClientAuth::kNone}, {"optional", ClientAuth::kOptional}, {"require", ClientAuth::kRequire}});
}

void parse_allow_dns(const SettingValue& value, PortPolicy& policy) {
  constexpr std::string_view kAllowed =
      "DNS names, comma separated, such as web.example; wildcards are for --allow-uri";
  policy.tls.allowed_clients.dns.clear();
  for (const std::string& name : parse_list(value, kAllowed)) {
    if (name.find_first_of("*/: ") != std::string::npos) refuse(value, name, "is no DNS name", kAllowed);
    policy.tls.allowed_clients.dns.push_back(lower_case(name));
  }
}

void parse_allow_uri(const SettingValue& value, PortPolicy& policy) {
  constexpr std::string_view kAllowed =
      "URIs in which * stands for one path segment and ** for the rest, such as spiffe://cluster.local/ns/*/sa/web";
  policy.tls.allowed_clients.uris = parse_list(value, kAllowed);
  for (const std::string& pattern : policy.tls.allowed_clients.uris) {
    if (const auto fault = fault_of_uri_pattern(pattern)) refuse(value, pattern, *fault, kAllowed);
  }
}

void parse_allow_cn(const SettingValue& value, PortPolicy& policy) {
  policy.tls.allowed_clients.common_names = parse_list(value, "common names, comma separated");
}

void parse_allow_ou(const SettingValue& value, PortPolicy& policy) {
  policy.tls.allowed_clients.units = parse_list(value, "organizational units, comma separated");
}

void parse_allow_spki_pin(const SettingValue& value, PortPolicy& policy) {
  constexpr std::string_view kAllowed =
      "what `openssl pkey -pubin -outform DER | openssl dgst -sha256 -binary | base64` says of the public key";
  constexpr std::string_view kBase64 = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  policy.tls.allowed_clients.spki_pins = parse_list(value, kAllowed);
  for (const std::string& pin : policy.tls.allowed_clients.spki_pins) {
    if (pin.size() != 44 || pin.find_first_not_of(kBase64) != 43 || pin.back() != '=') {
      refuse(value, pin, "is no SHA-256 in base64", kAllowed);
    }
  }
}

constexpr auto kKeys = std::to_array<PolicyKey>({
    {"upstream", parse_upstream},
    {"on-truncation", parse_on_truncation},
    {"proxy-protocol", parse_proxy_protocol},
    {"preserve-source", parse_preserve_source},
    {"connect-first", parse_connect_first},
    {"alpn", parse_alpn},
    {"plaintext", parse_plaintext},
    {"preamble", parse_preamble},
    {"client-auth", parse_client_auth},
    {"allow-dns", parse_allow_dns},
    {"allow-uri", parse_allow_uri},
    {"allow-cn", parse_allow_cn},
    {"allow-ou", parse_allow_ou},
    {"allow-spki-pin", parse_allow_spki_pin},
});

}  // namespace

std::span<const PolicyKey> policy_keys() { return kKeys; }

const PolicyKey* find_policy_key(std::string_view name) {
  const auto* const found = std::ranges::find(kKeys, name, &PolicyKey::name);
  return found == kKeys.end() ? nullptr : found;
}

}  // namespace sidelock
