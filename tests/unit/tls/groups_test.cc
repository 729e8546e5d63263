// Which key exchange a client gets with the default settings, by the OpenSSL that the test runs with.
#include <gtest/gtest.h>

#include "tls/context.h"
#include "tls/features.h"

namespace sidelock {
namespace {

// Both sides in memory, to the end of the handshake; returns the group's name in OpenSSL's spelling.
std::string agreed_group(const std::string& client_groups) {
  TlsSettings settings;
  settings.self_signed = "localhost";
  const TlsContext context{settings, load_tls_files(settings), std::make_shared<TicketKeys>()};
  const TlsPolicy policy;
  const SslPtr server = context.make_ssl(policy);

  const SslContextPtr client_context{::SSL_CTX_new(::TLS_client_method())};
  std::string groups = client_groups;
  EXPECT_TRUE(groups.empty() || SSL_CTX_set1_groups_list(client_context.get(), groups.data()) == 1);
  const SslPtr client{::SSL_new(client_context.get())};
  BIO* ours = nullptr;
  BIO* theirs = nullptr;
  EXPECT_EQ(::BIO_new_bio_pair(&ours, 0, &theirs, 0), 1);
  ::SSL_set_bio(server.get(), ours, ours);
  ::SSL_set_bio(client.get(), theirs, theirs);
  ::SSL_set_accept_state(server.get());
  ::SSL_set_connect_state(client.get());
  for (int turn = 0; turn < 10; ++turn) {
    ::SSL_do_handshake(client.get());
    ::SSL_do_handshake(server.get());
  }
  EXPECT_EQ(::SSL_is_init_finished(server.get()), 1);
  const char* const name = ::SSL_group_to_name(server.get(), static_cast<int>(SSL_get_negotiated_group(server.get())));
  return name == nullptr ? "" : name;
}

TEST(Groups, ArePostQuantumByDefaultWhereOpensslIs) {
  EXPECT_EQ(agreed_group(""), has_group("X25519MLKEM768") ? "X25519MLKEM768" : "x25519");
}

TEST(Groups, AreThoseOfClientsWithoutPostQuantumOnesToo) {
  EXPECT_EQ(agreed_group("X25519:P-256"), "x25519");
  EXPECT_EQ(agreed_group("P-256"), "secp256r1");
  EXPECT_EQ(agreed_group("P-384"), "secp384r1");
}

TEST(Groups, OfAClientThatSendsBothKeySharesAreThePostQuantumOnes) {
  if (!has_group("X25519MLKEM768")) GTEST_SKIP() << "this OpenSSL has no X25519MLKEM768";
  // The asterisks ask for a key share: SSL_CTX_set1_groups_list(3), since 3.5.
  EXPECT_EQ(agreed_group("*X25519:*X25519MLKEM768"), "X25519MLKEM768");
}

}  // namespace
}  // namespace sidelock
