// See peer_identity.h.
#include "tls/peer_identity.h"

#include <array>

#include <openssl/err.h>

#include "tls/certificate_names.h"

namespace sidelock {

namespace {

// Empty when it cannot be told, which no pin equals.
std::string spki_pin_of(const X509* certificate) {
  unsigned char* bytes = nullptr;
  const int size = ::i2d_X509_PUBKEY(::X509_get_X509_PUBKEY(certificate), &bytes);
  const OpensslBytesPtr owner{bytes};
  std::array<unsigned char, 32> digest{};
  if (size <= 0 ||
      ::EVP_Digest(bytes, static_cast<std::size_t>(size), digest.data(), nullptr, ::EVP_sha256(), nullptr) != 1)
    return {};
  std::string text(44, '\0');  // base64 of 32 bytes; EVP_EncodeBlock() writes a NUL behind them
  ::EVP_EncodeBlock(reinterpret_cast<unsigned char*>(text.data()), digest.data(), digest.size());
  return text;
}

}  // namespace

PeerIdentity identity_of(const X509* certificate) {
  CertificateNames names = names_in(certificate);
  PeerIdentity identity;
  identity.subject = subject_of(certificate);
  identity.dns = std::move(names.dns);
  identity.uris = std::move(names.uris);
  identity.common_names = std::move(names.common_names);
  identity.units = std::move(names.units);
  identity.spki_pin = spki_pin_of(certificate);
  ::ERR_clear_error();
  return identity;
}

std::string subject_of(const X509* certificate) {
  const BioPtr text{::BIO_new(::BIO_s_mem())};
  ::X509_NAME_print_ex(text.get(), ::X509_get_subject_name(certificate), 0, XN_FLAG_RFC2253);
  char* data = nullptr;
  const long size = BIO_get_mem_data(text.get(), &data);
  return size > 0 ? std::string{data, static_cast<std::size_t>(size)} : std::string{};
}

}  // namespace sidelock
