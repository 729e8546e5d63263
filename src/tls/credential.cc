// See credential.h.
#include "tls/credential.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <ctime>
#include <filesystem>
#include <system_error>

#include <openssl/err.h>
#include <openssl/pem.h>

#include "base/error.h"
#include "base/lower_case.h"
#include "tls/certificate_names.h"
#include "tls/error.h"
#include "tls/self_signed.h"

namespace sidelock {

namespace {

[[noreturn]] void unusable(const std::string& what, const std::string& why) {
  throw Failure{ExitCode::kCredentialUnusable, what + ": " + why};
}

BioPtr open_file(const std::string& path, const char* kind) {
  BioPtr file{::BIO_new_file(path.c_str(), "r")};
  const int error = errno;
  if (!file) unusable(std::string{"cannot read "} + kind + " file " + path, std::strerror(error));
  return file;
}

// OpenSSL would ask for a passphrase on the terminal.
int no_passphrase(char* /*buffer*/, int /*size*/, int /*writing*/, void* /*context*/) { return -1; }

KeyPtr load_key(const std::string& path) {
  const BioPtr file = open_file(path, "private key");
  ::ERR_clear_error();
  KeyPtr key{::PEM_read_bio_PrivateKey(file.get(), nullptr, no_passphrase, nullptr)};
  if (!key) unusable("no usable private key in " + path, take_openssl_error() + "; an unencrypted PEM key is needed");
  return key;
}

std::vector<CertificatePtr> load_certificates(const std::string& path) {
  const BioPtr file = open_file(path, "certificate");
  std::vector<CertificatePtr> certificates;
  ::ERR_clear_error();
  while (X509* next = ::PEM_read_bio_X509(file.get(), nullptr, no_passphrase, nullptr)) certificates.emplace_back(next);
  const unsigned long last = ::ERR_peek_last_error();
  // The loop ends at the end of the file, which OpenSSL reports as a missing start line.
  if (certificates.empty() || ERR_GET_REASON(last) != PEM_R_NO_START_LINE) {
    unusable("no usable certificate in " + path, take_openssl_error());
  }
  ::ERR_clear_error();
  return certificates;
}

std::chrono::system_clock::time_point to_time(const ASN1_TIME* time) {
  tm broken_down{};
  if (::ASN1_TIME_to_tm(time, &broken_down) != 1) return {};
  return std::chrono::system_clock::from_time_t(::timegm(&broken_down));
}

std::string subject_of(const X509* certificate) {
  const BioPtr text{::BIO_new(::BIO_s_mem())};
  ::X509_NAME_print_ex(text.get(), ::X509_get_subject_name(certificate), 0, XN_FLAG_RFC2253);
  char* data = nullptr;
  const long size = BIO_get_mem_data(text.get(), &data);
  return size > 0 ? std::string{data, static_cast<std::size_t>(size)} : std::string{};
}

// The common name counts only where there is no subject alternative name, as for clients of old (RFC 6125, 6.4.4).
void read_names(Credential& credential) {
  CertificateNames found = names_in(credential.certificate.get());
  credential.names.dns = std::move(found.dns);
  credential.names.addresses = std::move(found.addresses);
  if (!found.has_alternatives) {
    for (const std::string& name : found.common_names) credential.names.dns.push_back(lower_case(name));
  }
  if (const char* const kind = ::EVP_PKEY_get0_type_name(credential.private_key.get()))
    credential.names.key_kind = kind;
  credential.has_malformed_name = found.is_malformed;
}

std::shared_ptr<const Credential> assemble(std::vector<CertificatePtr> certificates, KeyPtr key, std::string source) {
  auto credential = std::make_shared<Credential>();
  credential->certificate = std::move(certificates.front());
  certificates.erase(certificates.begin());
  credential->chain = std::move(certificates);
  credential->private_key = std::move(key);
  credential->source = std::move(source);
  credential->subject = subject_of(credential->certificate.get());
  read_names(*credential);
  credential->not_before = to_time(::X509_get0_notBefore(credential->certificate.get()));
  credential->not_after = to_time(::X509_get0_notAfter(credential->certificate.get()));
  ::ERR_clear_error();
  if (::X509_check_private_key(credential->certificate.get(), credential->private_key.get()) != 1) {
    unusable("the private key does not belong to the certificate in " + credential->source, take_openssl_error());
  }
  return credential;
}

std::shared_ptr<const Credential> load_pair(const std::string& certificate_file, const std::string& key_file) {
  KeyPtr key = load_key(key_file);
  const std::string source = key_file == certificate_file ? certificate_file : certificate_file + " and " + key_file;
  return assemble(load_certificates(certificate_file), std::move(key), source);
}

// A mounted Secret has its files behind the symlink ..data, which is replaced as a whole: both files are read through
// what it leads to at this moment, so that they are of one version.
std::string real_folder(const std::string& folder) {
  std::error_code none;
  const std::filesystem::path resolved = std::filesystem::canonical(folder + "/..data", none);
  return none ? folder : resolved.string();
}

std::shared_ptr<const Credential> load_from_folder(const std::string& folder) {
  constexpr int kMostTries = 100;
  for (int tries = 1;; ++tries) {
    const std::string resolved = real_folder(folder);
    try {
      return load_pair(resolved + "/tls.crt", resolved + "/tls.key");
    } catch (const Failure&) {
      // A version that was replaced while it was read is no fault of the one that is there now.
      if (tries == kMostTries || real_folder(folder) == resolved) throw;
    }
  }
}

}  // namespace

Credentials load_credentials(const TlsSettings& settings) {
  Credentials credentials;
  if (!settings.self_signed.empty()) {
    SelfSigned made = make_self_signed(settings.self_signed);
    std::vector<CertificatePtr> certificates;
    certificates.push_back(std::move(made.certificate));
    credentials.push_back(assemble(std::move(certificates), std::move(made.private_key), "self-signed"));
  } else if (!settings.certificate_files.empty()) {
    for (std::size_t i = 0; i < settings.certificate_files.size(); ++i) {
      const std::string& certificate_file = settings.certificate_files[i];
      const bool has_own_key = settings.private_key_files.empty();
      credentials.push_back(
          load_pair(certificate_file, has_own_key ? certificate_file : settings.private_key_files[i]));
    }
  } else {
    credentials.push_back(load_from_folder(settings.directory));
  }
  return credentials;
}

CredentialChoice choice_among(const Credentials& credentials) {
  std::vector<CredentialNames> names;
  for (const auto& credential : credentials) names.push_back(credential->names);
  return CredentialChoice{names};
}

}  // namespace sidelock
