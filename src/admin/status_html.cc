// The status page's facts as HTML. Every text goes through escaped(). See status.h.
#include <algorithm>
#include <array>
#include <cmath>
#include <map>

#include <fmt/format.h>

#include "admin/health.h"
#include "admin/page/page.h"
#include "admin/status.h"
#include "base/grouped.h"

namespace sidelock {

namespace {

using State = HealthCheck::State;

std::string escaped(std::string_view text) {
  std::string safe;
  for (const char c : text) {
    switch (c) {
      case '&': safe += "&amp;"; break;
      case '<': safe += "&lt;"; break;
      case '>': safe += "&gt;"; break;
      case '"': safe += "&quot;"; break;
      case '\'': safe += "&#39;"; break;
      default: safe += c;
    }
  }
  return safe;
}

std::string in_bytes(std::uint64_t number) {
  if (number < 1000) return fmt::format("{} B", number);
  constexpr std::array<std::string_view, 6> kUnits{"kB", "MB", "GB", "TB", "PB", "EB"};
  double value = static_cast<double>(number) / 1000;
  std::size_t unit = 0;
  while (value >= 999.5 && unit + 1 < kUnits.size()) {
    value /= 1000;
    ++unit;
  }
  return fmt::format("{:.{}f} {}", value, value < 100 ? 1 : 0, kUnits[unit]);
}

std::string in_words(double seconds) {
  const auto whole = static_cast<std::int64_t>(std::max(seconds, 0.0));
  const auto unit = [](std::int64_t number, std::string_view name) {
    return fmt::format("{} {}{}", number, name, number == 1 ? "" : "s");
  };
  if (whole < 120) return unit(whole, "second");
  if (whole < 7200) return unit(whole / 60, "minute");
  if (whole < 172'800) return unit(whole / 3600, "hour");
  return unit(whole / 86'400, "day");
}

std::string badge(std::string_view kind, std::string_view text) {
  return fmt::format("<span class=\"badge {}\">{}</span>", kind, escaped(text));
}

std::string head(const StatusFacts& facts) {
  const auto worst = std::ranges::max_element(facts.health.ready, {}, &HealthCheck::state);
  const State state = worst == facts.health.ready.end() ? State::kOk : worst->state;
  const std::string_view verdict = state == State::kFailed    ? "not ready"
                                   : state == State::kWarning ? "ready, with a warning"
                                                              : "ready";
  const double uptime =
      std::chrono::duration<double>(facts.now.time_since_epoch()).count() - facts.process.start_time_seconds;
  return fmt::format("{}<span class=\"soft\">{}, up for {}</span>", badge(name_of(state), verdict),
                     escaped(facts.counted.version), in_words(uptime));
}

std::string port_row(const PortFacts& port, const PortSnapshot& counted) {
  std::string leads_to;
  for (const std::string& each : port.leads_to) leads_to += fmt::format("<div>{}</div>", escaped(each));
  std::string policy;
  for (const auto& word : port.policy) {
    policy += fmt::format("<span class=\"tag{}\">{}</span>", word.is_warning ? " warning" : "", escaped(word.text));
  }
  return fmt::format(
      "<tr><td class=\"port all\">{}</td><td class=\"all\" data-name=\"leads to\">{}</td>"
      "<td class=\"all\" data-name=\"policy\">{}</td><td class=\"number\" data-name=\"open now\">{}</td>"
      "<td class=\"number\" data-name=\"accepted\">{}</td><td class=\"number\" data-name=\"from clients\">{}</td>"
      "<td class=\"number\" data-name=\"to clients\">{}</td></tr>",
      escaped(port.label), leads_to, policy, grouped(counted.open), grouped(counted.accepted),
      in_bytes(counted.received_from_client), in_bytes(counted.sent_to_client));
}

std::string ports(const StatusFacts& facts) {
  std::string rows;
  for (const PortFacts& port : facts.ports) {
    const auto counted = std::ranges::find(facts.counted.ports, port.label, &PortSnapshot::label);
    if (counted != facts.counted.ports.end()) rows += port_row(port, *counted);
  }
  return fmt::format(
      "<table><thead><tr><th>port</th><th>leads to</th><th>policy</th><th class=\"number\">open now</th>"
      "<th class=\"number\">accepted</th><th class=\"number\">from clients</th><th class=\"number\">to "
      "clients</th></tr>"
      "</thead><tbody>{}</tbody></table>",
      rows);
}

std::string checks(const StatusFacts& facts) {
  std::string items;
  for (const std::vector<HealthCheck>* const list : {&facts.health.ready, &facts.health.live}) {
    for (const HealthCheck& check : *list) {
      items += fmt::format("<li>{}<b>{}</b> <span class=\"soft\">{}</span></li>",
                           badge(name_of(check.state), name_of(check.state)), escaped(check.name), escaped(check.text));
    }
  }
  return fmt::format("<p class=\"soft\">{}</p><ul>{}</ul>", escaped(facts.capture), items);
}

// The days are those of docs/alerts.yaml.
std::string expiry(const CertificateSnapshot& certificate, std::chrono::system_clock::time_point now) {
  const double left = std::chrono::duration<double>(certificate.not_after - now).count();
  if (left <= 0) return badge("failed", fmt::format("EXPIRED {} ago", in_words(-left)));
  if (certificate.not_before > now) return badge("failed", "not valid yet");
  constexpr double kDay = 86'400;
  const std::string_view kind = left < 2 * kDay ? "failed" : left < 14 * kDay ? "warning" : "ok";
  return badge(kind, fmt::format("{} left", in_words(left)));
}

std::string certificates(const StatusFacts& facts) {
  std::string items;
  for (const CertificateSnapshot& each : facts.counted.certificates) {
    items += fmt::format(
        "<li>{}<b>{}</b><p class=\"soft small\">until {}, since {}</p><p class=\"soft\"><code>{}</code></p></li>",
        expiry(each, facts.now), escaped(each.subject), utc_minute(each.not_after), utc_minute(each.not_before),
        escaped(each.source));
  }
  const Snapshot& counted = facts.counted;
  if (counted.reloads_succeeded + counted.reloads_failed > 0) {
    items += fmt::format("<li class=\"soft small\">reloads: {} done, {} failed</li>",
                         grouped(counted.reloads_succeeded), grouped(counted.reloads_failed));
  }
  return fmt::format("<ul>{}</ul>", items);
}

bool is_routine(std::string_view name) { return name == "ok" || name == "closed" || name == "client_closed_bare"; }

std::string bars(const std::vector<NamedCount>& counts, std::string_view none) {
  if (counts.empty()) return fmt::format("<p class=\"soft\">{}</p>", none);
  const auto most = static_cast<double>(counts.front().second);
  std::string rows;
  for (const auto& [reason, count] : counts) {
    rows += fmt::format(
        "<tr><td><code>{}</code></td><td class=\"wide\"><svg class=\"bar{}\" aria-hidden=\"true\">"
        "<rect width=\"{:.1f}%\" height=\"6\" rx=\"3\"/></svg></td><td class=\"number\">{}</td></tr>",
        escaped(reason), is_routine(reason) ? "" : " bad", 100 * static_cast<double>(count) / most, grouped(count));
  }
  return fmt::format("<table><tbody>{}</tbody></table>", rows);
}

std::string messages(const StatusFacts& facts) {
  if (facts.messages.empty()) return "<p class=\"soft\">None since the start.</p>";
  std::string items;
  for (const log::RecentMessage& each : facts.messages) {
    const bool is_error = each.level == log::Level::kError;
    const std::string times = each.count > 1 ? fmt::format(", {} like this", grouped(each.count)) : "";
    const double age = std::chrono::duration<double>(facts.now - each.time).count();
    items += fmt::format("<li>{}<span class=\"soft small\">{} ({} ago){}</span><p>{}</p></li>",
                         badge(is_error ? "error" : "warning", is_error ? "error" : "warning"), utc_minute(each.time),
                         in_words(age), times, escaped(each.text));
  }
  return fmt::format("<ul>{}</ul>", items);
}

std::string foot(const StatusFacts& facts) {
  const Snapshot& counted = facts.counted;
  return fmt::format(
      "sidelock {} with {}; {} worker(s), at most {} connections; {} of memory, {} of {} descriptors; {} log lines "
      "lost. "
      "The reasons are explained in docs/operations.md.",
      escaped(counted.version), escaped(counted.openssl_version), counted.workers, grouped(counted.connections_limit),
      in_bytes(facts.process.resident_bytes), grouped(facts.process.open_descriptors),
      grouped(facts.process.most_descriptors), grouped(counted.log_lines_dropped));
}

// In one pass: what is put in is never looked at for places.
std::string filled(std::string_view page, const std::map<std::string_view, std::string>& parts) {
  std::string whole;
  for (std::size_t at = 0; at < page.size();) {
    const std::size_t place = page.find('@', at);
    whole += page.substr(at, place - at);
    if (place == std::string_view::npos) break;
    const std::size_t end = page.find('@', place + 1);
    const auto part = end == std::string_view::npos ? parts.end() : parts.find(page.substr(place + 1, end - place - 1));
    if (part == parts.end()) {
      whole += '@';
      at = place + 1;
    } else {
      whole += part->second;
      at = end + 1;
    }
  }
  return whole;
}

}  // namespace

std::string status_html(const StatusFacts& facts) {
  const StatusTotals sum = totals(facts.counted);
  return filled(kStatusPage, {{"head", head(facts)},
                              {"open", grouped(sum.open)},
                              {"received", in_bytes(sum.received_from_clients)},
                              {"sent", in_bytes(sum.sent_to_clients)},
                              {"handshakes_ok", grouped(sum.handshakes_ok)},
                              {"handshakes_failed", grouped(sum.handshakes_failed)},
                              {"ports", ports(facts)},
                              {"checks", checks(facts)},
                              {"certificates", certificates(facts)},
                              {"results", bars(handshake_results(facts.counted), "No client has come yet.")},
                              {"endings", bars(connection_endings(facts.counted), "None has ended yet.")},
                              {"messages", messages(facts)},
                              {"foot", foot(facts)}});
}

}  // namespace sidelock
