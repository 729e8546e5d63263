// See status.h.
#include "admin/status.h"

#include <algorithm>
#include <ctime>
#include <map>
#include <memory>

#include <fmt/format.h>
#include <strings.h>

#include "admin/page/page.h"

namespace sidelock {

namespace {

using SteadyTime = std::chrono::steady_clock::time_point;

// All who ask within a second get the same two texts.
class SharedStatus {
 public:
  void refresh(const std::function<StatusFacts()>& look) {
    const SteadyTime now = std::chrono::steady_clock::now();
    if (page_ && now - made_at_ < std::chrono::seconds{1}) return;
    const StatusFacts facts = look();
    page_ = std::make_shared<const std::string>(status_html(facts));
    json_ = std::make_shared<const std::string>(status_json(facts));
    made_at_ = now;
  }
  [[nodiscard]] HttpResponse page() const {
    return {.content_type = "text/html; charset=utf-8", .security_policy = kStatusPagePolicy, .shared_body = page_};
  }
  [[nodiscard]] HttpResponse json() const {
    return {.content_type = "application/json", .security_policy = kStatusPagePolicy, .shared_body = json_};
  }

 private:
  std::shared_ptr<const std::string> page_;
  std::shared_ptr<const std::string> json_;
  SteadyTime made_at_;
};

std::vector<NamedCount> by_count(const std::map<std::string, std::uint64_t>& counts) {
  std::vector<NamedCount> sorted{counts.begin(), counts.end()};
  std::erase_if(sorted, [](const NamedCount& each) { return each.second == 0; });
  std::ranges::stable_sort(sorted, std::greater{}, &NamedCount::second);
  return sorted;
}

// "[::1]:19081" -> "[::1]"; what has more colons than an address in brackets allows stays as it is, and is no host.
std::string_view without_port(std::string_view host) {
  const std::size_t end = host.starts_with('[') ? host.find(']') : 0;
  if (end == std::string_view::npos) return host;
  const std::size_t colon = host.find(':', end);
  if (colon == std::string_view::npos) return host;
  const bool is_port = std::ranges::all_of(host.substr(colon + 1), [](char c) { return c >= '0' && c <= '9'; });
  return is_port ? host.substr(0, colon) : host;
}

}  // namespace

bool is_status_host(std::string_view host, const IpAddress& served) {
  const std::string_view name = without_port(host);
  constexpr std::string_view kLocal = "localhost";
  if (name.size() == kLocal.size() && ::strncasecmp(name.data(), kLocal.data(), kLocal.size()) == 0) return true;
  if (!name.starts_with('[') && name.find(':') != std::string_view::npos) return false;
  const auto address = IpAddress::parse(name);
  if (!address) return false;
  return *address == IpAddress::loopback(AF_INET) || *address == IpAddress::loopback(AF_INET6) || *address == served ||
         served.is_unspecified();
}

HttpServer::Handler status_paths(const Endpoint& address, std::function<StatusFacts()> look) {
  return [served = address.address, look = std::move(look),
          status = std::make_shared<SharedStatus>()](const HttpRequest& request) -> HttpResponse {
    if (!is_status_host(request.host, served)) {
      return {.status = 421, .body = "ask for localhost or for the address of --status-address\n"};
    }
    if (request.path != "/" && request.path != "/status.json") {
      return {.status = 404, .body = "there are / and /status.json\n"};
    }
    status->refresh(look);
    return request.path == "/" ? status->page() : status->json();
  };
}

StatusTotals totals(const Snapshot& snapshot) {
  StatusTotals sum;
  for (const PortSnapshot& port : snapshot.ports) {
    sum.open += port.open;
    sum.received_from_clients += port.received_from_client;
    sum.sent_to_clients += port.sent_to_client;
    for (const HandshakeCount& each : port.handshakes) {
      (each.result == "ok" ? sum.handshakes_ok : sum.handshakes_failed) += each.count;
    }
  }
  return sum;
}

std::vector<NamedCount> handshake_results(const Snapshot& snapshot) {
  std::map<std::string, std::uint64_t> counts;
  for (const PortSnapshot& port : snapshot.ports) {
    for (const HandshakeCount& each : port.handshakes) counts[each.result] += each.count;
  }
  return by_count(counts);
}

std::vector<NamedCount> connection_endings(const Snapshot& snapshot) {
  std::map<std::string, std::uint64_t> counts;
  for (const PortSnapshot& port : snapshot.ports) {
    for (const auto& [reason, count] : port.closed) counts[reason] += count;
  }
  return by_count(counts);
}

std::string utc_minute(std::chrono::system_clock::time_point time) {
  const std::time_t seconds = std::chrono::system_clock::to_time_t(time);
  tm utc{};
  ::gmtime_r(&seconds, &utc);
  return fmt::format("{:04}-{:02}-{:02} {:02}:{:02} UTC", utc.tm_year + 1900, utc.tm_mon + 1, utc.tm_mday, utc.tm_hour,
                     utc.tm_min);
}

}  // namespace sidelock
