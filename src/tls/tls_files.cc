// See tls_files.h.
#include "tls/tls_files.h"

#include <filesystem>
#include <map>
#include <system_error>

#include "base/error.h"

namespace sidelock {

namespace {

// A mounted Secret has its files behind the symlink ..data, which is replaced as a whole: all files of a folder are
// read through what it leads to when the first of them is, so that they are of one version.
class Folders {
 public:
  std::string place(const std::string& file) {
    const std::filesystem::path path{file};
    const std::string folder = path.has_parent_path() ? path.parent_path().string() : ".";
    const auto [entry, is_new] = versions_.try_emplace(folder);
    if (is_new) entry->second = present_version(folder);
    return entry->second == folder ? file : entry->second + "/" + path.filename().string();
  }

  // Whether none of them has been replaced since.
  [[nodiscard]] bool are_present() const {
    for (const auto& [folder, version] : versions_) {
      if (present_version(folder) != version) return false;
    }
    return true;
  }

 private:
  static std::string present_version(const std::string& folder) {
    std::error_code none;
    const std::filesystem::path resolved = std::filesystem::canonical(folder + "/..data", none);
    return none ? folder : resolved.string();
  }

  std::map<std::string, std::string> versions_;
};

TlsFiles load_through(const TlsSettings& settings, Folders& folders) {
  const FilePlace place = [&folders](const std::string& file) { return folders.place(file); };
  TlsFiles files;
  files.credentials = load_credentials(settings, place);
  if (!settings.client_ca_file.empty()) {
    files.client_trust = std::make_shared<const ClientTrust>(load_client_trust(
        place(settings.client_ca_file), settings.client_crl_file.empty() ? "" : place(settings.client_crl_file)));
  }
  return files;
}

}  // namespace

TlsFiles load_tls_files(const TlsSettings& settings) {
  constexpr int kMostTries = 100;
  for (int tries = 1;; ++tries) {
    Folders folders;
    try {
      return load_through(settings, folders);
    } catch (const Failure&) {
      // A version that was replaced while it was read is no fault of the one that is there now.
      if (tries == kMostTries || folders.are_present()) throw;
    }
  }
}

std::vector<std::string> names_of_tls_files(const TlsSettings& settings) {
  std::vector<std::string> files;
  if (settings.self_signed.empty()) {
    files = settings.certificate_files;
    files.insert(files.end(), settings.private_key_files.begin(), settings.private_key_files.end());
    if (files.empty()) files = {settings.directory + "/tls.crt", settings.directory + "/tls.key"};
  }
  if (!settings.client_ca_file.empty()) files.push_back(settings.client_ca_file);
  if (!settings.client_crl_file.empty()) files.push_back(settings.client_crl_file);
  return files;
}

}  // namespace sidelock
