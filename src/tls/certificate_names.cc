// See certificate_names.h.
#include "tls/certificate_names.h"

#include <algorithm>
#include <cstring>

#include <openssl/err.h>
#include <openssl/x509v3.h>

#include "base/lower_case.h"

namespace sidelock {

namespace {

bool has_nul(std::string_view text) { return text.find('\0') != std::string_view::npos; }

// An IA5String: its bytes are the name.
void add_name(const ASN1_STRING* value, std::vector<std::string>& to, CertificateNames& names) {
  std::string text{reinterpret_cast<const char*>(::ASN1_STRING_get0_data(value)),
                   static_cast<std::size_t>(::ASN1_STRING_length(value))};
  if (has_nul(text)) {
    names.is_malformed = true;
  } else {
    to.push_back(std::move(text));
  }
}

void add_address(const ASN1_STRING* value, CertificateNames& names) {
  const auto length = static_cast<std::size_t>(::ASN1_STRING_length(value));
  in_addr ipv4{};
  in6_addr ipv6{};
  if (length == sizeof ipv4) {
    std::memcpy(&ipv4, ::ASN1_STRING_get0_data(value), length);
    names.addresses.emplace_back(ipv4);
  } else if (length == sizeof ipv6) {
    std::memcpy(&ipv6, ::ASN1_STRING_get0_data(value), length);
    names.addresses.emplace_back(ipv6);
  } else {
    names.is_malformed = true;
  }
}

void read_alternatives(const X509* certificate, CertificateNames& names) {
  int state = 0;
  const GeneralNamesPtr found{
      static_cast<GENERAL_NAMES*>(::X509_get_ext_d2i(certificate, NID_subject_alt_name, &state, nullptr))};
  names.has_alternatives = state != -1;  // -1: there is none; -2: more than one, which RFC 5280 forbids
  if (!found) {
    names.is_malformed = names.has_alternatives;
    return;
  }
  for (int i = 0; i < sk_GENERAL_NAME_num(found.get()); ++i) {
    const GENERAL_NAME* const name = sk_GENERAL_NAME_value(found.get(), i);
    int kind = 0;
    const void* const value = ::GENERAL_NAME_get0_value(name, &kind);
    if (kind == GEN_DNS) add_name(static_cast<const ASN1_STRING*>(value), names.dns, names);
    if (kind == GEN_URI) add_name(static_cast<const ASN1_STRING*>(value), names.uris, names);
    if (kind == GEN_IPADD) add_address(static_cast<const ASN1_STRING*>(value), names);
  }
  for (std::string& name : names.dns) name = lower_case(name);
}

void read_subject(const X509* certificate, int kind, std::vector<std::string>& to, CertificateNames& names) {
  const X509_NAME* const subject = ::X509_get_subject_name(certificate);
  for (int at = -1; (at = ::X509_NAME_get_index_by_NID(subject, kind, at)) >= 0;) {
    unsigned char* text = nullptr;
    const int length = ::ASN1_STRING_to_UTF8(&text, ::X509_NAME_ENTRY_get_data(::X509_NAME_get_entry(subject, at)));
    const OpensslBytesPtr owner{text};
    const std::string_view value{reinterpret_cast<const char*>(text), static_cast<std::size_t>(std::max(length, 0))};
    if (length < 0 || has_nul(value)) {
      names.is_malformed = true;
    } else {
      to.emplace_back(value);
    }
  }
}

}  // namespace

CertificateNames names_in(const X509* certificate) {
  CertificateNames names;
  read_alternatives(certificate, names);
  read_subject(certificate, NID_commonName, names.common_names, names);
  read_subject(certificate, NID_organizationalUnitName, names.units, names);
  ::ERR_clear_error();
  return names;
}

}  // namespace sidelock
