// Our TLS13-KDF beside OpenSSL's, asked in the same way, and what libssl's handshakes tell by it.
#include <array>
#include <cstdlib>
#include <optional>
#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/kdf.h>
#include <openssl/params.h>
#include <openssl/provider.h>
#include <unistd.h>

#include "tls/key_schedule.h"
#include "unit/config/given.h"
#include "unit/tls/conversation.h"
#include "unit/tls/sealer.h"

namespace sidelock {
namespace {

using KdfPtr = std::unique_ptr<EVP_KDF, Freed<EVP_KDF_free>>;
using KdfContextPtr = std::unique_ptr<EVP_KDF_CTX, Freed<EVP_KDF_CTX_free>>;

struct Inputs {
  int mode = EVP_KDF_HKDF_MODE_EXPAND_ONLY;
  std::string hash = "SHA2-256";
  std::optional<std::string> key;
  std::optional<std::string> salt;
  std::string label;
  std::string context;
};

// Nothing when it refuses.
std::optional<std::string> derive(const char* query, Inputs inputs, std::size_t size) {
  const KdfPtr kdf{::EVP_KDF_fetch(nullptr, OSSL_KDF_NAME_TLS1_3_KDF, query)};
  const KdfContextPtr context{kdf ? ::EVP_KDF_CTX_new(kdf.get()) : nullptr};
  if (!context) throw std::runtime_error{"no KDF"};
  std::string prefix = "tls13 ";
  std::vector<OSSL_PARAM> parameters{::OSSL_PARAM_construct_int(OSSL_KDF_PARAM_MODE, &inputs.mode),
                                     ::OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST, inputs.hash.data(), 0)};
  const auto add = [&](const char* name, std::string& bytes) {
    parameters.push_back(::OSSL_PARAM_construct_octet_string(name, bytes.data(), bytes.size()));
  };
  if (inputs.key) add(OSSL_KDF_PARAM_KEY, *inputs.key);
  if (inputs.salt) add(OSSL_KDF_PARAM_SALT, *inputs.salt);
  add(OSSL_KDF_PARAM_PREFIX, prefix);
  add(OSSL_KDF_PARAM_LABEL, inputs.label);
  if (!inputs.context.empty()) add(OSSL_KDF_PARAM_DATA, inputs.context);
  parameters.push_back(::OSSL_PARAM_construct_end());
  std::string made(size, '\0');
  const int status =
      ::EVP_KDF_derive(context.get(), reinterpret_cast<unsigned char*>(made.data()), size, parameters.data());
  ::ERR_clear_error();
  return status == 1 ? std::optional{made} : std::nullopt;
}

std::string provider_of_the_kdf(const char* query) {
  const KdfPtr kdf{::EVP_KDF_fetch(nullptr, OSSL_KDF_NAME_TLS1_3_KDF, query)};
  return kdf ? ::OSSL_PROVIDER_get0_name(::EVP_KDF_get0_provider(kdf.get())) : "";
}

class KeySchedule : public testing::Test {
 protected:
  const char* ours = key_schedule_query();
};

TEST_F(KeySchedule, IsTheOneThatTheQueryFinds) {
  EXPECT_EQ(provider_of_the_kdf(ours), "sidelock");
  EXPECT_EQ(provider_of_the_kdf(kOpenssls), "default");
}

TEST_F(KeySchedule, ExpandsAsOpensslDoes) {
  for (const std::size_t hash : {32U, 48U}) {
    for (const std::size_t size : {1U, 12U, 16U, 32U, 48U, 49U, 100U, 1000U}) {
      for (const char* const label :
           {"key", "iv", "finished", "c ap traffic", "exp master", "a label of some length"}) {
        for (const std::size_t context : {0U, 32U, 48U}) {
          const Inputs inputs{
              EVP_KDF_HKDF_MODE_EXPAND_ONLY, hash == 32 ? "SHA2-256" : "SHA2-384", random_bytes(hash), {}, label,
              random_bytes(context)};
          const auto made = derive(ours, inputs, size);
          ASSERT_TRUE(made.has_value());
          // For more than one block OpenSSL's own wants the whole length, which ours has, too.
          EXPECT_EQ(made, derive(kOpenssls, inputs, size)) << label << ' ' << hash << ' ' << size << ' ' << context;
        }
      }
    }
  }
}

TEST_F(KeySchedule, ExtractsAsOpensslDoes) {
  for (const std::size_t hash : {32U, 48U}) {
    const std::string name = hash == 32 ? "SHA2-256" : "SHA2-384";
    const std::array<std::optional<std::string>, 2> salts{std::nullopt, random_bytes(hash)};
    const std::array<std::optional<std::string>, 4> keys{std::nullopt, random_bytes(32), random_bytes(66),
                                                         random_bytes(1120)};
    for (const auto& salt : salts) {
      for (const auto& key : keys) {
        const Inputs inputs{EVP_KDF_HKDF_MODE_EXTRACT_ONLY, name, key, salt, "derived", ""};
        const auto made = derive(ours, inputs, hash);
        ASSERT_TRUE(made.has_value());
        EXPECT_EQ(made, derive(kOpenssls, inputs, hash));
      }
    }
  }
}

TEST_F(KeySchedule, RefusesWhatTls13DoesNotHave) {
  const Inputs good{EVP_KDF_HKDF_MODE_EXPAND_ONLY, "SHA256", random_bytes(32), {}, "key", ""};
  ASSERT_TRUE(derive(ours, good, 16).has_value());
  Inputs bad = good;
  bad.hash = "SHA512";
  EXPECT_FALSE(derive(ours, bad, 16).has_value());
  bad = good;
  bad.mode = EVP_KDF_HKDF_MODE_EXTRACT_AND_EXPAND;
  EXPECT_FALSE(derive(ours, bad, 16).has_value());
  bad.mode = EVP_KDF_HKDF_MODE_EXTRACT_ONLY;
  EXPECT_FALSE(derive(ours, bad, 31).has_value()) << "an extracted secret has the hash's size";
  EXPECT_FALSE(derive(ours, good, 255 * 32 + 1).has_value());
}

TEST_F(KeySchedule, NotesTheSecretsOfAConnectionWhileItIsTapped) {
  const Inputs client{EVP_KDF_HKDF_MODE_EXPAND_ONLY, "SHA256", random_bytes(32), {}, "c ap traffic", "x"};
  Inputs server = client;
  server.label = "s ap traffic";
  TrafficSecrets secrets;
  {
    const SecretTap tap{&secrets};
    derive(kOpenssls, client, 32);
    EXPECT_EQ(secrets.client.size(), 0U) << "of others' algorithms nothing is heard";
    derive(ours, client, 32);
    EXPECT_FALSE(secrets.is_whole());
    derive(ours, server, 32);
  }
  EXPECT_TRUE(secrets.is_whole());
  std::string noted(16, '\0');
  secrets.client.expand("key", {reinterpret_cast<unsigned char*>(noted.data()), noted.size()});
  EXPECT_EQ(noted, expand_label(*derive(ours, client, 32), "key", 16));
  derive(ours, {EVP_KDF_HKDF_MODE_EXPAND_ONLY, "SHA256", random_bytes(32), {}, "c ap traffic", "x"}, 32);
  std::string again(16, '\0');
  secrets.client.expand("key", {reinterpret_cast<unsigned char*>(again.data()), again.size()});
  EXPECT_EQ(again, noted);
}

// A FIPS provider, say, is asked for in this way. Without the secrets OpenSSL's record layer goes on.
TEST_F(KeySchedule, LeavesConnectionsToOpensslWhereTheAdministratorExcludesIt) {
  ASSERT_EQ(::EVP_set_default_properties(nullptr, kOpenssls), 1);
  EXPECT_EQ(provider_of_the_kdf(ours), "default");
  TestSite site{true};
  Conversation talk{site};
  EXPECT_TRUE(talk.shake_hands("in time"));
  EXPECT_EQ(::EVP_set_default_properties(nullptr, ""), 1);
  EXPECT_EQ(talk.hear(), "in time");
  EXPECT_TRUE(talk.say("the answer"));
  EXPECT_EQ(talk.receive(), "the answer");
}

// In a process of its own, which reads openssl.cnf anew. FIPS's provider, loaded alone, is such a case.
TEST(KeyScheduleDeathTest, IsOpensslsWhereItsDefaultProviderIsNotLoaded) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  const ConfigFile file{"openssl_conf = all\n[all]\nproviders = loaded\n[loaded]\nbase = it\n[it]\nactivate = 1\n"};
  ::setenv("OPENSSL_CONF", file.path().c_str(), 1);
  const auto exit_with_answer = [&] {
    const char* const query = key_schedule_query();
    ::unlink(file.path().c_str());
    std::_Exit(query == nullptr && provider_of_the_kdf(nullptr).empty() ? 0 : 1);
  };
  EXPECT_EXIT(exit_with_answer(), testing::ExitedWithCode(0), "");
  ::unsetenv("OPENSSL_CONF");
}

}  // namespace
}  // namespace sidelock
