// OpenSSL calls back into C++, and no exception may go through its frames: a handshake without memory fails as
// OpenSSL's own do.
#include <array>
#include <memory>
#include <string>

#include <gtest/gtest.h>
#include <openssl/err.h>

#include "support/no_memory.h"
#include "tls/context.h"
#include "unit/tls/test_certificates.h"

namespace sidelock {
namespace {

// Longer than what a string holds without memory.
constexpr const char* kName = "a-name-that-takes-memory.example";

struct Site {
  Site() {
    settings.self_signed = kName;
    policy.alpn_mode = AlpnMode::kList;
    policy.alpn = {"a-protocol-that-takes-memory"};
    policy.client_auth = ClientAuth::kRequire;
    policy.allowed_clients.common_names = {"a-client-whose-name-takes-memory"};
    auto trusted = std::make_shared<ClientTrust>();
    ::X509_up_ref(authority.certificate.get());
    trusted->authorities.emplace_back(authority.certificate.get());
    files = load_tls_files(settings);
    files.client_trust = std::move(trusted);
    settings.is_sni_strict = true;
  }

  TlsSettings settings;
  TlsPolicy policy;
  TestPair authority = make_authority("Client CA");
  TestPair pair = issue_for_client(authority, "a-client-whose-name-takes-memory");
  TlsFiles files;
};

// A client and a server that exchange bytes in memory.
class Meeting {
 public:
  Meeting(const TlsContext& context, const Site& site, int version)
      : client_context_{::SSL_CTX_new(::TLS_client_method())}, server_{context.make_ssl(site.policy)} {
    ::SSL_CTX_use_certificate(client_context_.get(), site.pair.certificate.get());
    ::SSL_CTX_use_PrivateKey(client_context_.get(), site.pair.key.get());
    client_.reset(::SSL_new(client_context_.get()));
    SSL_set_min_proto_version(client_.get(), version);
    SSL_set_max_proto_version(client_.get(), version);
    std::string name = kName;
    ::SSL_ctrl(client_.get(), SSL_CTRL_SET_TLSEXT_HOSTNAME, TLSEXT_NAMETYPE_host_name, name.data());
    const std::string offer = std::string{static_cast<char>(site.policy.alpn[0].size())} + site.policy.alpn[0];
    ::SSL_set_alpn_protos(client_.get(), reinterpret_cast<const unsigned char*>(offer.data()),
                          static_cast<unsigned>(offer.size()));
    for (SSL* const ssl : {client_.get(), server_.get()}) {
      ::SSL_set_bio(ssl, ::BIO_new(::BIO_s_mem()), ::BIO_new(::BIO_s_mem()));
    }
    ::SSL_set_connect_state(client_.get());
    ::SSL_set_accept_state(server_.get());
  }

  // Whether the server has finished, with no more memory for C++ than that; the rest of them have all they want.
  bool shake_hands(std::size_t given) {
    for (int flight = 0; flight < 4; ++flight) {
      ::SSL_do_handshake(client_.get());
      carry(client_.get(), server_.get());
      ::ERR_clear_error();
      int result = 0;
      {
        const test::NoMemory shortage{given};
        result = ::SSL_do_handshake(server_.get());
        refused += test::NoMemory::refused();
      }
      if (result == 1) return true;
      if (::SSL_get_error(server_.get(), result) != SSL_ERROR_WANT_READ) return false;
      carry(server_.get(), client_.get());
    }
    return false;
  }

  std::size_t refused = 0;

 private:
  static void carry(SSL* from, SSL* to) {
    std::array<char, 16384> bytes{};
    int count = 0;
    while ((count = ::BIO_read(::SSL_get_wbio(from), bytes.data(), static_cast<int>(bytes.size()))) > 0) {
      ::BIO_write(::SSL_get_rbio(to), bytes.data(), count);
    }
  }

  SslContextPtr client_context_;
  SslPtr client_;
  SslPtr server_;
};

class Callbacks : public testing::TestWithParam<int> {};

TEST_P(Callbacks, LetNoExceptionIntoOpenSsl) {
  if (!test::NoMemory::is_possible()) GTEST_SKIP() << "the thread sanitizer has an operator new of its own";
  const Site site;
  const TlsContext context{site.settings, site.files, std::make_shared<TicketKeys>()};
  std::size_t given = 0;
  for (bool is_done = false; !is_done && given < 1000; ++given) {
    Meeting meeting{context, site, GetParam()};
    ASSERT_NO_THROW(is_done = meeting.shake_hands(given)) << given;
    ASSERT_EQ(is_done, meeting.refused == 0) << given;
    if (!is_done) {
      EXPECT_EQ(ERR_GET_REASON(::ERR_peek_error()), ERR_R_MALLOC_FAILURE) << given;
    }
  }
  EXPECT_GT(given, 3U);  // the name, the protocols and, under TLS 1.2, the client's
}

INSTANTIATE_TEST_SUITE_P(Versions, Callbacks, testing::Values(TLS1_2_VERSION, TLS1_3_VERSION),
                         [](const auto& version) { return version.param == TLS1_3_VERSION ? "Tls13" : "Tls12"; });

}  // namespace
}  // namespace sidelock
