// See advice.h.
#include "proxy/advice.h"

#include "base/log.h"
#include "proxy/connection.h"
#include "tls/postgres_request.h"

namespace sidelock {

bool AdviceGiven::is_due(Kind kind, std::uint16_t port, std::chrono::steady_clock::time_point now) {
  constexpr std::chrono::hours kPause{1};
  const std::lock_guard lock{mutex_};
  const auto [entry, is_first] = last_.try_emplace({kind, port}, now);
  if (!is_first && now - entry->second < kPause) return false;
  entry->second = now;
  return true;
}

void advise_about_plaintext(Connection& connection) {
  const PostgresRequest request = inspect_postgres_request(connection.tls.first_bytes());
  if (request == PostgresRequest::kCancel) connection.failure = "PostgreSQL's CancelRequest without TLS";
  if (request != PostgresRequest::kTls && request != PostgresRequest::kGss) return;
  connection.failure = "PostgreSQL's request for encryption";
  const std::uint16_t port = connection.destination.endpoint.port;
  Workplace& workplace = connection.workplace;
  if (connection.policy->tls.preamble == Preamble::kPostgres) return;  // asked twice: no setting helps
  if (!workplace.advice_given().is_due(AdviceGiven::Kind::kPostgres, port, workplace.reactor().now())) return;
  log::warning(
      "port {}: a PostgreSQL client asks for encryption in PostgreSQL's own way and is refused; to serve such clients: "
      "--port-policy {}:preamble=postgres",
      port, port);
}

void advise_about_silence(Connection& connection) {
  connection.failure = "the client sent nothing";
  const std::uint16_t port = connection.destination.endpoint.port;
  Workplace& workplace = connection.workplace;
  if (!workplace.advice_given().is_due(AdviceGiven::Kind::kSilence, port, workplace.reactor().now())) return;
  log::info(
      "port {}: a client connected and sent nothing; if it waits for the server to begin (MySQL, MariaDB, SMTP, IMAP, "
      "FTP), its protocol upgrades to TLS later and cannot be served, see docs/tls.md",
      port);
}

}  // namespace sidelock
