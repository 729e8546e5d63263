// bench-tls-floor CERTIFICATE KEY COUNT: what OpenSSL itself costs a server. Makes COUNT handshakes (TLS 1.3, X25519,
// AES-128-GCM, one ticket) and seals and opens 64 MiB, both ends in memory, and prints the server's half in nanoseconds
// of this thread as one JSON object: {"full_ns":…, "resumed_ns":…, "seal_ns_per_kib":…, "open_ns_per_kib":…}.
#include <cstdio>
#include <iostream>
#include <stdexcept>

#include <ctime>
#include <nlohmann/json.hpp>

#include "client.h"

namespace bench {

namespace {

constexpr std::size_t kRecord = 16 * 1024;
constexpr std::size_t kRecords = 4096;

std::int64_t thread_ns() {
  timespec now{};
  ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return now.tv_sec * std::int64_t{1'000'000'000} + now.tv_nsec;
}

void check(bool is_well, const char* what) {
  if (!is_well) throw std::runtime_error{what};
}

SSL_SESSION* newest = nullptr;

int keep_session(SSL* /*ssl*/, SSL_SESSION* session) {
  ::SSL_SESSION_free(newest);
  newest = session;
  return 1;
}

struct Ends {
  Ssl server;
  Ssl client;

  Ends(SSL_CTX* server_context, SSL_CTX* client_context, bool resume)
      : server{::SSL_new(server_context)}, client{::SSL_new(client_context)} {
    BIO* near = nullptr;
    BIO* far = nullptr;
    constexpr std::size_t kPipe = 64 * 1024;
    check(::BIO_new_bio_pair(&near, kPipe, &far, kPipe) == 1, "BIO_new_bio_pair");
    ::SSL_set_bio(server.get(), near, near);
    ::SSL_set_bio(client.get(), far, far);
    ::SSL_set_accept_state(server.get());
    ::SSL_set_connect_state(client.get());
    if (resume) ::SSL_set_session(client.get(), newest);
  }
  // libssl never resumes the session of a connection that was not shut down.
  ~Ends() { ::SSL_set_shutdown(client.get(), SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN); }
  Ends(const Ends&) = delete;
  Ends& operator=(const Ends&) = delete;

  // Shakes hands; the server's nanoseconds, from SSL_new on.
  std::int64_t shake() const {
    std::int64_t spent = 0;
    for (int turns = 0; ::SSL_is_init_finished(server.get()) == 0 && turns < 10; ++turns) {
      ::SSL_do_handshake(client.get());
      const std::int64_t begin = thread_ns();
      ::SSL_do_handshake(server.get());
      spent += thread_ns() - begin;
    }
    std::byte ticket_carrier{};
    std::size_t count = 0;
    ::SSL_read_ex(client.get(), &ticket_carrier, 1, &count);
    check(::SSL_is_init_finished(client.get()) == 1, "no handshake");
    return spent;
  }
};

double handshakes(SSL_CTX* server, SSL_CTX* client, std::size_t count, bool resume) {
  std::int64_t spent = 0;
  for (std::size_t i = 0; i < count; ++i) {
    const std::int64_t begin = thread_ns();
    Ends ends{server, client, resume};
    const std::int64_t made = thread_ns() - begin;
    spent += made / 2 + ends.shake();
    check(::SSL_session_reused(ends.server.get()) == (resume ? 1 : 0), "resumption went wrong");
    const std::int64_t end = thread_ns();
    ends.server.reset();
    spent += thread_ns() - end;
  }
  return static_cast<double>(spent) / static_cast<double>(count);
}

// Nanoseconds of `sealing` and of `opening` for each KiB.
std::pair<double, double> records(SSL* from, SSL* to) {
  std::vector<std::byte> plain(kRecord);
  std::int64_t sealing = 0;
  std::int64_t opening = 0;
  for (std::size_t i = 0; i < kRecords; ++i) {
    std::size_t count = 0;
    const std::int64_t begin = thread_ns();
    check(::SSL_write_ex(from, plain.data(), plain.size(), &count) == 1, "SSL_write_ex");
    const std::int64_t sealed = thread_ns();
    check(::SSL_read_ex(to, plain.data(), plain.size(), &count) == 1, "SSL_read_ex");
    sealing += sealed - begin;
    opening += thread_ns() - sealed;
  }
  constexpr double kKib = static_cast<double>(kRecords * kRecord) / 1024;
  return {static_cast<double>(sealing) / kKib, static_cast<double>(opening) / kKib};
}

void measure(const char* certificate, const char* key, std::size_t count) {
  const SslContext server{::SSL_CTX_new(::TLS_server_method())};
  const SslContext client{::SSL_CTX_new(::TLS_client_method())};
  check(::SSL_CTX_use_certificate_chain_file(server.get(), certificate) == 1, certificate);
  check(::SSL_CTX_use_PrivateKey_file(server.get(), key, SSL_FILETYPE_PEM) == 1, key);
  ::SSL_CTX_set_ciphersuites(server.get(), "TLS_AES_128_GCM_SHA256");
  std::string group = "X25519";  // OpenSSL's macro casts const away
  SSL_CTX_set1_groups_list(server.get(), group.data());
  ::SSL_CTX_set_num_tickets(server.get(), 1);
  SSL_CTX_set_session_cache_mode(server.get(), SSL_SESS_CACHE_OFF);
  SSL_CTX_set_session_cache_mode(client.get(), SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
  ::SSL_CTX_sess_set_new_cb(client.get(), keep_session);

  handshakes(server.get(), client.get(), count / 10 + 1, false);
  const double full = handshakes(server.get(), client.get(), count, false);
  const double resumed = handshakes(server.get(), client.get(), count, true);
  const Ends ends{server.get(), client.get(), false};
  ends.shake();
  const auto [seal, unused_open] = records(ends.server.get(), ends.client.get());
  const auto [unused_seal, open] = records(ends.client.get(), ends.server.get());
  const nlohmann::json result{
      {"full_ns", full}, {"resumed_ns", resumed}, {"seal_ns_per_kib", seal}, {"open_ns_per_kib", open}};
  std::cout << result.dump() << std::endl;
  ::SSL_SESSION_free(newest);
}

}  // namespace

}  // namespace bench

int main(int argc, char** argv) {
  try {
    bench::prepare_process();
    if (argc != 4) throw std::invalid_argument{"usage: bench-tls-floor CERTIFICATE KEY COUNT"};
    bench::measure(argv[1], argv[2], std::stoul(argv[3]));
  } catch (const std::exception& failure) {
    std::fprintf(stderr, "bench-tls-floor: %s\n", failure.what());
    return 1;
  }
}
