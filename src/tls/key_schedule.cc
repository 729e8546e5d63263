// See key_schedule.h. The functions are those of provider-kdf(7). libssl hands all parameters over with each derivation
// and asks for nothing else, so a context has no state of its own.
#include "tls/key_schedule.h"

#include <algorithm>
#include <array>
#include <initializer_list>
#include <memory>
#include <optional>
#include <string_view>

#include <openssl/core_dispatch.h>
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/kdf.h>
#include <openssl/params.h>
#include <openssl/provider.h>

#include "base/error.h"
#include "base/freed.h"
#include "tls/error.h"
#include "tls/hkdf.h"

namespace sidelock {

namespace {

constinit thread_local TrafficSecrets* tapped = nullptr;

using ProviderPtr = std::unique_ptr<OSSL_PROVIDER, Freed<OSSL_PROVIDER_unload>>;

struct Request {
  int mode = -1;
  std::optional<Hash> hash;
  Bytes key;
  Bytes salt;
  Label label{"", "", {}};
};

Bytes bytes_in(const OSSL_PARAM& parameter) noexcept {
  return {static_cast<const unsigned char*>(parameter.data), parameter.data == nullptr ? 0 : parameter.data_size};
}

std::string_view text_in(const OSSL_PARAM& parameter) noexcept {
  const Bytes bytes = bytes_in(parameter);
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

// By the names that OpenSSL knows them by, the first of which libssl hands over.
std::optional<Hash> hash_named(std::string_view name) noexcept {
  const auto is_one_of = [name](std::initializer_list<std::string_view> names) {
    return std::ranges::any_of(names, [name](std::string_view known) {
      return known.size() == name.size() && ::OPENSSL_strncasecmp(known.data(), name.data(), name.size()) == 0;
    });
  };
  if (is_one_of({"SHA2-256", "SHA256", "SHA-256"})) return Hash::kSha256;
  if (is_one_of({"SHA2-384", "SHA384", "SHA-384"})) return Hash::kSha384;
  return std::nullopt;
}

Request request_in(const OSSL_PARAM* parameter) noexcept {
  Request request;
  for (; parameter != nullptr && parameter->key != nullptr; ++parameter) {
    const std::string_view name{parameter->key};
    if (name == OSSL_KDF_PARAM_MODE) {
      ::OSSL_PARAM_get_int(parameter, &request.mode);
    } else if (name == OSSL_KDF_PARAM_DIGEST) {
      request.hash = hash_named(text_in(*parameter));
    } else if (name == OSSL_KDF_PARAM_KEY) {
      request.key = bytes_in(*parameter);
    } else if (name == OSSL_KDF_PARAM_SALT) {
      request.salt = bytes_in(*parameter);
    } else if (name == OSSL_KDF_PARAM_PREFIX) {
      request.label.prefix = text_in(*parameter);
    } else if (name == OSSL_KDF_PARAM_LABEL) {
      request.label.text = text_in(*parameter);
    } else if (name == OSSL_KDF_PARAM_DATA) {
      request.label.context = bytes_in(*parameter);
    }
  }
  return request;
}

// One step down the key schedule: from the secret before, and with what has been agreed on, or zeros where nothing was.
bool extract(const Request& request, std::span<unsigned char> into) noexcept {
  const Hash hash = *request.hash;
  std::array<unsigned char, kLongestHash> salt{};
  const auto derived = std::span{salt}.first(request.salt.empty() ? 0 : size_of(hash));
  const std::array<unsigned char, kLongestHash> zeros{};
  const Bytes material = request.key.empty() ? Bytes{zeros}.first(size_of(hash)) : request.key;
  const bool is_done = (derived.empty() || hkdf_derive_salt(hash, request.salt, request.label, derived)) &&
                       hkdf_extract(hash, derived, material, into);
  ::OPENSSL_cleanse(salt.data(), salt.size());
  return is_done;
}

// RFC 8446, 7.1, names them.
void note(std::string_view label, Bytes secret) noexcept {
  if (tapped == nullptr) return;
  if (label == "c ap traffic") tapped->client = TrafficSecret{secret};
  if (label == "s ap traffic") tapped->server = TrafficSecret{secret};
}

int derive(void* /*context*/, unsigned char* into, std::size_t size, const OSSL_PARAM* parameters) noexcept {
  const Request request = request_in(parameters);
  if (!request.hash) return 0;
  const std::span made{into, size};
  if (request.mode == EVP_KDF_HKDF_MODE_EXTRACT_ONLY) return extract(request, made) ? 1 : 0;
  if (request.mode != EVP_KDF_HKDF_MODE_EXPAND_ONLY) return 0;
  if (!hkdf_expand_label(*request.hash, request.key, request.label, made)) return 0;
  note(request.label.text, made);
  return 1;
}

template <class Function>
OSSL_DISPATCH entry(int number, Function* function) noexcept {
  return {number, reinterpret_cast<void (*)()>(function)};
}

const OSSL_ALGORITHM* algorithms(void* /*provider*/, int operation, int* is_not_cached) noexcept {
  static const std::array<OSSL_DISPATCH, 4> kFunctions{
      entry(
          OSSL_FUNC_KDF_NEWCTX, +[](void* provider) noexcept { return provider; }),
      entry(
          OSSL_FUNC_KDF_FREECTX, +[](void* /*context*/) noexcept {}),
      entry(OSSL_FUNC_KDF_DERIVE, derive), OSSL_DISPATCH{}};
  static const std::array<OSSL_ALGORITHM, 2> kAlgorithms{
      OSSL_ALGORITHM{OSSL_KDF_NAME_TLS1_3_KDF, "provider=sidelock,sidelock.key_schedule=yes", kFunctions.data(),
                     "TLS 1.3's key schedule"},
      OSSL_ALGORITHM{}};
  *is_not_cached = 0;
  return operation == OSSL_OP_KDF ? kAlgorithms.data() : nullptr;
}

// The provider has no state either; OpenSSL wants to hear of something that is not nothing.
int start(const OSSL_CORE_HANDLE* /*handle*/, const OSSL_DISPATCH* /*of_the_core*/, const OSSL_DISPATCH** functions,
          void** provider) noexcept {
  static char something = 0;
  static const std::array<OSSL_DISPATCH, 2> kFunctions{entry(OSSL_FUNC_PROVIDER_QUERY_OPERATION, algorithms),
                                                       OSSL_DISPATCH{}};
  *functions = kFunctions.data();
  *provider = &something;
  return 1;
}

// Who loads others' algorithms in place of OpenSSL's, as FIPS's alone, has not asked for ours. openssl.cnf goes first:
// OSSL_PROVIDER_available(3) loads the default provider where nothing is loaded yet.
bool is_default_loaded() noexcept {
  ::OPENSSL_init_crypto(OPENSSL_INIT_LOAD_CONFIG, nullptr);
  return ::OSSL_PROVIDER_available(nullptr, "default") == 1;
}

// Beside the default provider, which is there already: it is not loaded by itself once another is.
ProviderPtr load() {
  if (!is_hkdf_ready()) return nullptr;
  if (::OSSL_PROVIDER_add_builtin(nullptr, "sidelock", start) != 1) return nullptr;
  return ProviderPtr{::OSSL_PROVIDER_load(nullptr, "sidelock")};
}

}  // namespace

const char* key_schedule_query() {
  static const bool is_wanted = is_default_loaded();
  if (!is_wanted) return nullptr;
  static const ProviderPtr provider = load();
  if (!provider) throw Failure{ExitCode::kFailure, "cannot add to OpenSSL's algorithms: " + take_openssl_error()};
  // Not by the provider's name, which would overrule an administrator who names another (property(7)).
  return "?sidelock.key_schedule=yes";
}

SecretTap::SecretTap(TrafficSecrets* secrets) noexcept { tapped = secrets; }

SecretTap::~SecretTap() { tapped = nullptr; }

}  // namespace sidelock
