// See credential.h.
#include "tls/credential.h"

#include <openssl/err.h>
#include <sys/stat.h>

#include "base/error.h"
#include "base/lower_case.h"
#include "tls/certificate_names.h"
#include "tls/error.h"
#include "tls/peer_identity.h"
#include "tls/pem_file.h"
#include "tls/self_signed.h"

namespace sidelock {

namespace {

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

// Kubernetes gives the files of a Secret the mode 0644 unless told otherwise, and only the pod's own containers have
// the mount: they lie in a folder that begins with "..".
bool is_exposed(const std::string& key_file) {
  struct stat status {};
  const bool is_readable = ::stat(key_file.c_str(), &status) == 0 && (status.st_mode & S_IROTH) != 0;
  const std::size_t file = key_file.rfind('/');
  const std::size_t folder = file == std::string::npos || file == 0 ? file : key_file.rfind('/', file - 1);
  const bool is_secret = folder != std::string::npos && key_file.compare(folder, 3, "/..") == 0 && file > folder + 3;
  return is_readable && !is_secret;
}

std::shared_ptr<const Credential> assemble(std::vector<CertificatePtr> certificates, KeyPtr key, std::string source,
                                           bool is_key_exposed = false) {
  auto credential = std::make_shared<Credential>();
  credential->is_key_exposed = is_key_exposed;
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
  return assemble(load_certificates(certificate_file), std::move(key), source, is_exposed(key_file));
}

}  // namespace

Credentials load_credentials(const TlsSettings& settings, const FilePlace& place) {
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
          load_pair(place(certificate_file), place(has_own_key ? certificate_file : settings.private_key_files[i])));
    }
  } else {
    credentials.push_back(load_pair(place(settings.directory + "/tls.crt"), place(settings.directory + "/tls.key")));
  }
  return credentials;
}

CredentialChoice choice_among(const Credentials& credentials) {
  std::vector<CredentialNames> names;
  for (const auto& credential : credentials) names.push_back(credential->names);
  return CredentialChoice{names};
}

}  // namespace sidelock
