// See digest.h.
#include "tls/digest.h"

#include <new>

namespace sidelock {

namespace {

std::string_view text_of(const unsigned char* bytes, int size) {
  if (size <= 0) throw std::bad_alloc{};
  return {reinterpret_cast<const char*>(bytes), static_cast<std::size_t>(size)};
}

}  // namespace

Sha256::Sha256() : context_{::EVP_MD_CTX_new()} {
  if (!context_ || ::EVP_DigestInit_ex(context_.get(), ::EVP_sha256(), nullptr) != 1) throw std::bad_alloc{};
}

void Sha256::add(std::string_view part) {
  const std::size_t size = part.size();
  ::EVP_DigestUpdate(context_.get(), &size, sizeof size);
  ::EVP_DigestUpdate(context_.get(), part.data(), part.size());
}

void Sha256::add(const X509* certificate) {
  unsigned char* bytes = nullptr;
  const int size = ::i2d_X509(certificate, &bytes);
  const OpensslBytesPtr owner{bytes};
  add(text_of(bytes, size));
}

void Sha256::add(const X509_CRL* list) {
  unsigned char* bytes = nullptr;
  const int size = ::i2d_X509_CRL(list, &bytes);
  const OpensslBytesPtr owner{bytes};
  add(text_of(bytes, size));
}

Digest Sha256::finish() {
  Digest digest{};
  if (::EVP_DigestFinal_ex(context_.get(), digest.data(), nullptr) != 1) throw std::bad_alloc{};
  return digest;
}

}  // namespace sidelock
