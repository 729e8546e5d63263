// See inspect.h.
#include "tls/inspect.h"

#include <algorithm>
#include <cstring>
#include <ctime>

#include <fmt/format.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>

#include "base/address.h"
#include "base/freed.h"
#include "base/log.h"
#include "tls/context.h"

namespace sidelock {

namespace {

using SystemTime = std::chrono::system_clock::time_point;
using NamesPtr = std::unique_ptr<GENERAL_NAMES, Freed<GENERAL_NAMES_free>>;

constexpr std::size_t kMostNames = 8;

std::string text_of(const X509_NAME* name) {
  const BioPtr text{::BIO_new(::BIO_s_mem())};
  ::X509_NAME_print_ex(text.get(), name, 0, XN_FLAG_RFC2253);
  char* data = nullptr;
  const long size = BIO_get_mem_data(text.get(), &data);
  return log::printable({data, size > 0 ? static_cast<std::size_t>(size) : 0});
}

std::string subject_of(const X509* certificate) { return text_of(::X509_get_subject_name(certificate)); }

// Which of the chain: the first is the leaf.
std::string place(std::size_t index) {
  return index == 0 ? "the certificate" : fmt::format("certificate {} of the file", index + 1);
}

std::string time_text(const ASN1_TIME* time) {
  const BioPtr text{::BIO_new(::BIO_s_mem())};
  ::ASN1_TIME_print(text.get(), time);
  char* data = nullptr;
  const long size = BIO_get_mem_data(text.get(), &data);
  return {data, size > 0 ? static_cast<std::size_t>(size) : 0};
}

void check_times(const std::vector<X509*>& all, SystemTime now, std::vector<std::string>& faults) {
  std::time_t seconds = std::chrono::system_clock::to_time_t(now);
  for (std::size_t i = 0; i < all.size(); ++i) {
    const ASN1_TIME* const from = ::X509_get0_notBefore(all[i]);
    const ASN1_TIME* const to = ::X509_get0_notAfter(all[i]);
    if (::X509_cmp_time(to, &seconds) < 0) faults.push_back(fmt::format("{} expired at {}", place(i), time_text(to)));
    if (::X509_cmp_time(from, &seconds) > 0)
      faults.push_back(fmt::format("{} is not valid before {}", place(i), time_text(from)));
  }
}

// A list is asked for of each authority once there is any.
bool has_list(const ClientTrust& trust, const X509* authority) {
  return trust.revocation_lists.empty() || std::ranges::any_of(trust.revocation_lists, [&](const auto& list) {
           return ::X509_NAME_cmp(::X509_CRL_get_issuer(list.get()), ::X509_get_subject_name(authority)) == 0;
         });
}

// Each certificate must have signed the one before it (RFC 8446 4.4.2); some clients insist on the order.
void check_order(const std::vector<X509*>& all, std::vector<std::string>& faults) {
  for (std::size_t i = 0; i + 1 < all.size(); ++i) {
    const bool is_issuer = ::X509_check_issued(all[i + 1], all[i]) == X509_V_OK &&
                           ::X509_verify(all[i], ::X509_get0_pubkey(all[i + 1])) == 1;
    if (is_issuer) continue;
    faults.push_back(fmt::format("the chain is broken: {} is {}, but {} was issued by {}", place(i + 1),
                                 subject_of(all[i + 1]), place(i), text_of(::X509_get_issuer_name(all[i]))));
  }
  ::ERR_clear_error();
}

NamesPtr names_of(const X509* certificate) {
  return NamesPtr{static_cast<GENERAL_NAMES*>(::X509_get_ext_d2i(certificate, NID_subject_alt_name, nullptr, nullptr))};
}

std::string_view bytes_of(const ASN1_STRING* string) {
  return {reinterpret_cast<const char*>(::ASN1_STRING_get0_data(string)),
          static_cast<std::size_t>(::ASN1_STRING_length(string))};
}

std::string address_text(std::string_view bytes) {
  in_addr ipv4{};
  in6_addr ipv6{};
  if (bytes.size() == sizeof ipv4) std::memcpy(&ipv4, bytes.data(), sizeof ipv4);
  if (bytes.size() == sizeof ipv6) std::memcpy(&ipv6, bytes.data(), sizeof ipv6);
  return bytes.size() == sizeof ipv4 ? IpAddress{ipv4}.to_string() : IpAddress{ipv6}.to_string();
}

}  // namespace

std::vector<std::string> credential_faults(const Credential& credential, SystemTime now) {
  std::vector<X509*> all{credential.certificate.get()};
  for (const CertificatePtr& issuer : credential.chain) all.push_back(issuer.get());
  std::vector<std::string> faults;
  check_times(all, now, faults);
  check_order(all, faults);
  if (::X509_check_purpose(all.front(), X509_PURPOSE_SSL_SERVER, 0) != 1)
    faults.emplace_back("the certificate is not for servers (its key usages)");
  const NamesPtr names = names_of(all.front());
  if (!names || sk_GENERAL_NAME_num(names.get()) <= 0)
    faults.emplace_back("the certificate has no subjectAltName, and clients verify no other name");
  ::ERR_clear_error();
  return faults;
}

std::vector<std::string> client_trust_faults(const ClientTrust& trust, SystemTime now) {
  std::vector<std::string> faults;
  std::time_t seconds = std::chrono::system_clock::to_time_t(now);
  for (const CertificatePtr& authority : trust.authorities) {
    const std::string name = "the authority " + subject_of(authority.get());
    const ASN1_TIME* const from = ::X509_get0_notBefore(authority.get());
    const ASN1_TIME* const to = ::X509_get0_notAfter(authority.get());
    if (::X509_cmp_time(to, &seconds) < 0) faults.push_back(fmt::format("{} expired at {}", name, time_text(to)));
    if (::X509_cmp_time(from, &seconds) > 0)
      faults.push_back(fmt::format("{} is not valid before {}", name, time_text(from)));
    if (!has_list(trust, authority.get())) faults.push_back(name + " has no revocation list");
  }
  for (const RevocationListPtr& list : trust.revocation_lists) {
    const std::string name = "the revocation list of " + text_of(::X509_CRL_get_issuer(list.get()));
    const ASN1_TIME* const from = ::X509_CRL_get0_lastUpdate(list.get());
    const ASN1_TIME* const to = ::X509_CRL_get0_nextUpdate(list.get());
    if (to != nullptr && ::X509_cmp_time(to, &seconds) < 0)
      faults.push_back(fmt::format("{} is out of date since {}", name, time_text(to)));
    if (::X509_cmp_time(from, &seconds) > 0)
      faults.push_back(fmt::format("{} is not valid before {}", name, time_text(from)));
  }
  return faults;
}

std::vector<std::string> alternative_names(const Credential& credential) {
  std::vector<std::string> all;
  const NamesPtr names = names_of(credential.certificate.get());
  for (int i = 0; names && i < sk_GENERAL_NAME_num(names.get()) && all.size() < kMostNames; ++i) {
    const GENERAL_NAME* const name = sk_GENERAL_NAME_value(names.get(), i);
    if (name->type == GEN_DNS || name->type == GEN_URI) all.push_back(log::printable(bytes_of(name->d.ia5)));
    if (name->type == GEN_IPADD) all.push_back(address_text(bytes_of(name->d.iPAddress)));
  }
  ::ERR_clear_error();
  return all;
}

bool is_for_server(const Credential& credential, const std::string& server_name) {
  X509* const certificate = credential.certificate.get();
  if (::X509_check_ip_asc(certificate, server_name.c_str(), 0) == 1) return true;
  return ::X509_check_host(certificate, server_name.c_str(), server_name.size(), 0, nullptr) == 1;
}

std::string issuer_of(const Credential& credential) {
  return text_of(::X509_get_issuer_name(credential.certificate.get()));
}

void check_servable(const TlsSettings& settings) {
  const TlsContext context{settings, load_tls_files(settings), std::make_shared<TicketKeys>()};
}

}  // namespace sidelock
