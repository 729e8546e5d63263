// See test_certificates.h.
#include "unit/tls/test_certificates.h"

#include <atomic>
#include <stdexcept>

#include "tls/error.h"

namespace sidelock {

namespace {

void require(bool succeeded) {
  if (!succeeded) throw std::runtime_error{"cannot make a certificate: " + take_openssl_error()};
}

TestPair make(const std::string& name, const TestPair* issuer, Validity validity) {
  static std::atomic<long> serial{0};  // tests make certificates in several threads
  std::string curve = "P-256";         // OpenSSL's macro casts its const away
  TestPair made{CertificatePtr{::X509_new()}, KeyPtr{EVP_EC_gen(curve.data())}};
  X509* const certificate = made.certificate.get();
  require(certificate != nullptr && made.key != nullptr);
  const TestPair& signer = issuer != nullptr ? *issuer : made;
  require(::X509_set_version(certificate, X509_VERSION_3) == 1);
  require(::ASN1_INTEGER_set(::X509_get_serialNumber(certificate), ++serial) == 1);
  require(::X509_gmtime_adj(X509_getm_notBefore(certificate), validity.begins) != nullptr);
  require(::X509_gmtime_adj(X509_getm_notAfter(certificate), validity.ends) != nullptr);
  require(::X509_set_pubkey(certificate, made.key.get()) == 1);
  X509_NAME* const subject = ::X509_get_subject_name(certificate);
  require(::X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_UTF8,
                                       reinterpret_cast<const unsigned char*>(name.c_str()), -1, -1, 0) == 1);
  require(::X509_set_issuer_name(certificate, ::X509_get_subject_name(signer.certificate.get())) == 1);
  const char* const constraints = issuer != nullptr ? "critical,CA:FALSE" : "critical,CA:TRUE";
  const ExtensionPtr extension{::X509V3_EXT_conf_nid(nullptr, nullptr, NID_basic_constraints, constraints)};
  require(extension != nullptr && ::X509_add_ext(certificate, extension.get(), -1) == 1);
  require(::X509_sign(certificate, signer.key.get(), ::EVP_sha256()) > 0);
  return made;
}

}  // namespace

TestPair make_authority(const std::string& name) { return make(name, nullptr, {}); }

TestPair issue_for_client(const TestPair& authority, const std::string& name, Validity validity) {
  return make(name, &authority, validity);
}

RevocationListPtr revoke(const TestPair& authority, const X509* certificate) {
  RevocationListPtr list{::X509_CRL_new()};
  const std::unique_ptr<ASN1_TIME, Freed<ASN1_TIME_free>> begins{::X509_gmtime_adj(nullptr, -3600)};
  const std::unique_ptr<ASN1_TIME, Freed<ASN1_TIME_free>> ends{::X509_gmtime_adj(nullptr, 3600)};
  std::unique_ptr<X509_REVOKED, Freed<X509_REVOKED_free>> entry{::X509_REVOKED_new()};
  require(list != nullptr && entry != nullptr && begins != nullptr && ends != nullptr);
  require(::X509_CRL_set_version(list.get(), X509_CRL_VERSION_2) == 1);
  require(::X509_CRL_set_issuer_name(list.get(), ::X509_get_subject_name(authority.certificate.get())) == 1);
  require(::X509_CRL_set1_lastUpdate(list.get(), begins.get()) == 1);
  require(::X509_CRL_set1_nextUpdate(list.get(), ends.get()) == 1);
  std::unique_ptr<ASN1_INTEGER, Freed<ASN1_INTEGER_free>> serial{
      ::ASN1_INTEGER_dup(::X509_get0_serialNumber(certificate))};
  require(::X509_REVOKED_set_serialNumber(entry.get(), serial.get()) == 1);
  require(::X509_REVOKED_set_revocationDate(entry.get(), begins.get()) == 1);
  require(::X509_CRL_add0_revoked(list.get(), entry.release()) == 1);
  require(::X509_CRL_sign(list.get(), authority.key.get(), ::EVP_sha256()) > 0);
  return list;
}

}  // namespace sidelock
