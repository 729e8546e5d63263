// See pem_file.h.
#include "tls/pem_file.h"

#include <cerrno>
#include <cstring>

#include <fcntl.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <sys/stat.h>

#include "base/error.h"
#include "base/fd.h"
#include "tls/callback.h"
#include "tls/error.h"

namespace sidelock {

namespace {

constexpr off_t kLargest = off_t{4} * 1024 * 1024;

// A file's bytes, wiped when they are given back: stdio would leave a key in its buffer.
class FileBytes {
 public:
  FileBytes(const std::string& path, const char* kind);
  FileBytes(const FileBytes&) = delete;
  FileBytes& operator=(const FileBytes&) = delete;
  ~FileBytes() { ::OPENSSL_cleanse(bytes_.data(), bytes_.size()); }

  [[nodiscard]] BioPtr reader() const {
    return BioPtr{made(::BIO_new_mem_buf(bytes_.data(), static_cast<int>(size_)))};
  }

 private:
  std::vector<char> bytes_;
  std::size_t size_ = 0;
};

FileBytes::FileBytes(const std::string& path, const char* kind) {
  const std::string what = std::string{"cannot read "} + kind + " file " + path;
  const Fd file{::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK)};
  struct stat status {};
  if (!file || ::fstat(file.get(), &status) != 0) unusable(what, std::strerror(errno));
  if (!S_ISREG(status.st_mode)) unusable(what, "it is no regular file");
  if (status.st_size > kLargest) unusable(what, "it is larger than 4 MiB");
  bytes_.resize(static_cast<std::size_t>(status.st_size) + 1);
  for (;;) {
    const ssize_t count = ::read(file.get(), bytes_.data() + size_, bytes_.size() - size_);
    if (count < 0) unusable(what, std::strerror(errno));
    if (count == 0) return;
    size_ += static_cast<std::size_t>(count);
    if (size_ == bytes_.size()) unusable(what, "it grew while it was read");
  }
}

// OpenSSL would ask for a passphrase on the terminal.
int no_passphrase(char* /*buffer*/, int /*size*/, int /*writing*/, void* /*context*/) noexcept { return -1; }

template <class Pointer, class Read>
std::vector<Pointer> load_all(const std::string& path, const char* kind, Read read) {
  const FileBytes bytes{path, kind};
  const BioPtr reader = bytes.reader();
  std::vector<Pointer> all;
  ::ERR_clear_error();
  while (Pointer next{read(reader.get(), nullptr, no_passphrase, nullptr)}) all.push_back(std::move(next));
  // The loop ends at the end of the file, which OpenSSL reports as a missing start line.
  if (all.empty() || ERR_GET_REASON(::ERR_peek_last_error()) != PEM_R_NO_START_LINE) {
    unusable(std::string{"no usable "} + kind + " in " + path, take_openssl_error());
  }
  ::ERR_clear_error();
  return all;
}

}  // namespace

void unusable(const std::string& what, const std::string& why) {
  throw Failure{ExitCode::kCredentialUnusable, what + ": " + why};
}

std::vector<CertificatePtr> load_certificates(const std::string& path) {
  return load_all<CertificatePtr>(path, "certificate", ::PEM_read_bio_X509);
}

std::vector<RevocationListPtr> load_revocation_lists(const std::string& path) {
  return load_all<RevocationListPtr>(path, "revocation list", ::PEM_read_bio_X509_CRL);
}

KeyPtr load_key(const std::string& path) {
  const FileBytes bytes{path, "private key"};
  const BioPtr reader = bytes.reader();
  ::ERR_clear_error();
  KeyPtr key{::PEM_read_bio_PrivateKey(reader.get(), nullptr, no_passphrase, nullptr)};
  if (!key) unusable("no usable private key in " + path, take_openssl_error() + "; an unencrypted PEM key is needed");
  return key;
}

std::chrono::system_clock::time_point to_time(const ASN1_TIME* time) {
  tm broken_down{};
  if (::ASN1_TIME_to_tm(time, &broken_down) != 1) return {};
  return std::chrono::system_clock::from_time_t(::timegm(&broken_down));
}

}  // namespace sidelock
