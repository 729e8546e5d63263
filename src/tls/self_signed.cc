// See self_signed.h.
#include "tls/self_signed.h"

#include <openssl/err.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>

#include "base/address.h"
#include "base/error.h"
#include "tls/error.h"

namespace sidelock {

namespace {

constexpr long kHour = 60L * 60;

void require(bool succeeded) {
  if (!succeeded) {
    throw Failure{ExitCode::kCredentialUnusable, "cannot make a self-signed certificate: " + take_openssl_error()};
  }
}

EVP_PKEY* generate_key() {
  std::string curve = "P-256";  // OpenSSL's macro casts its const away
  return EVP_EC_gen(curve.data());
}

void add_extension(X509* certificate, int kind, const std::string& value) {
  X509V3_CTX context;
  X509V3_set_ctx_nodb(&context);
  ::X509V3_set_ctx(&context, certificate, certificate, nullptr, nullptr, 0);
  const ExtensionPtr extension{::X509V3_EXT_conf_nid(nullptr, &context, kind, value.c_str())};
  require(extension != nullptr);
  require(::X509_add_ext(certificate, extension.get(), -1) == 1);
}

}  // namespace

SelfSigned make_self_signed(const std::string& name) {
  ::ERR_clear_error();
  SelfSigned made{CertificatePtr{::X509_new()}, KeyPtr{generate_key()}};
  require(made.certificate != nullptr && made.private_key != nullptr);
  X509* const certificate = made.certificate.get();

  std::uint64_t serial = 0;
  require(::RAND_bytes(reinterpret_cast<unsigned char*>(&serial), sizeof serial) == 1);
  require(::X509_set_version(certificate, X509_VERSION_3) == 1);
  require(::ASN1_INTEGER_set_uint64(::X509_get_serialNumber(certificate), serial >> 1U | 1U) == 1);
  require(::X509_gmtime_adj(X509_getm_notBefore(certificate), -kHour) != nullptr);
  require(::X509_gmtime_adj(X509_getm_notAfter(certificate), 7L * 24 * kHour) != nullptr);
  require(::X509_set_pubkey(certificate, made.private_key.get()) == 1);

  X509_NAME* const subject = ::X509_get_subject_name(certificate);
  require(::X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_UTF8,
                                       reinterpret_cast<const unsigned char*>(name.c_str()), -1, -1, 0) == 1);
  require(::X509_set_issuer_name(certificate, subject) == 1);
  add_extension(certificate, NID_basic_constraints, "critical,CA:TRUE,pathlen:0");
  add_extension(certificate, NID_subject_key_identifier, "hash");
  add_extension(certificate, NID_ext_key_usage, "serverAuth");
  add_extension(certificate, NID_subject_alt_name, (IpAddress::parse(name) ? "IP:" : "DNS:") + name);
  require(::X509_sign(certificate, made.private_key.get(), ::EVP_sha256()) > 0);
  return made;
}

}  // namespace sidelock
