// Whether clients will accept the certificate, and whether the clock can be right. See checks.h.
#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cmath>
#include <ctime>

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"
#include "doctor/checks.h"
#include "tls/credential.h"
#include "tls/inspect.h"
#include "tls/tls_files.h"

namespace sidelock {

namespace {

using std::chrono::system_clock;

struct CredentialFile {
  std::string path;
  bool is_key = false;
};

std::vector<CredentialFile> files_of(const TlsSettings& tls) {
  std::vector<CredentialFile> files;
  if (!tls.directory.empty()) {
    files.push_back({tls.directory + "/tls.crt", false});
    files.push_back({tls.directory + "/tls.key", true});
  }
  const bool has_keys_apart = !tls.private_key_files.empty();
  for (const std::string& path : tls.certificate_files) files.push_back({path, !has_keys_apart});
  for (const std::string& path : tls.private_key_files) files.push_back({path, true});
  return files;
}

std::string time_text(system_clock::time_point time) {
  const std::time_t seconds = system_clock::to_time_t(time);
  std::tm parts{};
  ::gmtime_r(&seconds, &parts);
  return fmt::format("{:04}-{:02}-{:02} {:02}:{:02} UTC", parts.tm_year + 1900, parts.tm_mon + 1, parts.tm_mday,
                     parts.tm_hour, parts.tm_min);
}

// The kubelet writes a mounted Secret so that every process of the container can read it, and only those.
bool is_mounted_secret(const std::string& path) {
  const std::string folder = path.substr(0, path.rfind('/') + 1);
  struct stat data {};
  return ::lstat((folder + "..data").c_str(), &data) == 0;
}

// What others may do with the files; empty when nothing they should not.
std::string loose_permission(const std::vector<CredentialFile>& files) {
  for (const CredentialFile& file : files) {
    struct stat status {};
    if (::stat(file.path.c_str(), &status) != 0) continue;
    if ((status.st_mode & (S_IWGRP | S_IWOTH)) != 0) return file.path + " can be written by others";
    if (file.is_key && (status.st_mode & S_IROTH) != 0 && !is_mounted_secret(file.path))
      return "the private key " + file.path + " can be read by every user here";
  }
  return {};
}

std::string unreadable_file(const std::vector<CredentialFile>& files) {
  const auto found = std::ranges::find_if(files, [](const CredentialFile& file) { return is_unreadable(file.path); });
  return found == files.end() ? std::string{} : found->path;
}

// Without those about clients, which have a check of their own.
TlsSettings own_settings(TlsSettings tls) {
  tls.client_ca_file.clear();
  tls.client_crl_file.clear();
  return tls;
}

std::string joined(const std::vector<std::string>& words, const char* between) {
  std::string text;
  for (const std::string& word : words) text += (text.empty() ? "" : between) + word;
  return text;
}

// A tenth of its life, for one that lives a day as for one that lives a year, but at most a fortnight.
bool ends_soon(const Credential& credential, system_clock::time_point now) {
  const auto tenth = (credential.not_after - credential.not_before) / 10;
  return credential.not_after - now < std::min<system_clock::duration>(tenth, std::chrono::hours{14 * 24});
}

std::string description(const Credential& credential, system_clock::time_point now) {
  const auto days = std::chrono::duration<double, std::ratio<86400>>(credential.not_after - now).count();
  return fmt::format("{} for {}, issued by {} ({} more in the file), until {} ({} days)",
                     log::printable(credential.subject), joined(alternative_names(credential), ", "),
                     issuer_of(credential), credential.chain.size(), time_text(credential.not_after), std::floor(days));
}

Check check_one(const Credential& credential, system_clock::time_point now) {
  const std::vector<std::string> faults = credential_faults(credential, now);
  if (!faults.empty()) {
    return failed("credential", ExitCode::kCredentialUnusable, credential.source + ": " + joined(faults, "; "),
                  "put a certificate there that clients accept: the server's first, then its issuers in order; it is "
                  "picked up by itself");
  }
  if (ends_soon(credential, now))
    return warning("credential", description(credential, now), "renew it; the new one is picked up by itself");
  return ok("credential", description(credential, now));
}

// The clock cannot be right when it shows a time before something that has happened already.
Check check_clock(const std::vector<CredentialFile>& files,
                  const std::vector<std::shared_ptr<const Credential>>& credentials, system_clock::time_point now) {
  constexpr const char* kRemedy = "set the node's clock (chrony, systemd-timesyncd), if the certificate is right";
  const std::string shown = "the clock shows " + time_text(now);
  for (const auto& credential : credentials) {
    if (now >= credential->not_before) continue;
    return warning(
        "clock",
        fmt::format("{}, but {} is valid from {} on", shown, credential->source, time_text(credential->not_before)),
        kRemedy);
  }
  for (const CredentialFile& file : files) {
    struct stat status {};
    if (::stat(file.path.c_str(), &status) != 0) continue;
    const auto written = system_clock::from_time_t(status.st_mtime);
    if (written <= now + std::chrono::minutes{1}) continue;
    return warning("clock", fmt::format("{}, but {} was written at {}", shown, file.path, time_text(written)), kRemedy);
  }
  return ok("clock", shown + ", which fits the certificate");
}

Check cannot_be_used(const std::vector<CredentialFile>& files, const Failure& failure) {
  const std::string unreadable = unreadable_file(files);
  const std::string remedy =
      unreadable.empty() ? "mount a Secret with tls.crt and tls.key, or name the files: --tls-dir, --tls-cert-file"
                         : fmt::format("let uid {} read {} (fsGroup and defaultMode of the Secret, or chown)",
                                       ::geteuid(), unreadable);
  return failed("credential", failure.code(), log::printable(failure.what()), remedy);
}

Checks check_files(const TlsSettings& tls) {
  const std::vector<CredentialFile> files = files_of(tls);
  const auto now = system_clock::now();
  Checks checks;
  std::vector<std::shared_ptr<const Credential>> credentials;
  try {
    credentials = load_tls_files(tls).credentials;
    check_servable(tls);
  } catch (const Failure& failure) {
    return {cannot_be_used(files, failure)};
  }
  for (const auto& credential : credentials) checks.push_back(check_one(*credential, now));
  if (const std::string loose = loose_permission(files); !loose.empty())
    checks.push_back(warning("permissions", loose, "chmod go-w, and for the key o-r"));
  checks.push_back(check_clock(files, credentials, now));
  return checks;
}

}  // namespace

bool is_unreadable(const std::string& path) {
  return ::faccessat(AT_FDCWD, path.c_str(), R_OK, AT_EACCESS) != 0 && errno == EACCES;
}

Checks check_credential(const Patient& patient) {
  const TlsSettings tls = own_settings(patient.settings.tls);
  if (tls.self_signed.empty()) return check_files(tls);
  return {warning("credential", "--self-signed: a throw-away certificate that no client can verify",
                  "--tls-dir or --tls-cert-file with a certificate of your authority's")};
}

}  // namespace sidelock
