#include <openssl/bn.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <openssl/x509_vfy.h>
#include <openssl/x509v3.h>

#include "base/check.h"
#include "base/text.h"
#include "crypto/hash.h"
#include "crypto/openssl_handles.h"
#include "crypto/x509.h"

namespace crypto {
namespace {

using base::Result;

std::string text_of(const ASN1_STRING* value) {
  unsigned char* utf8 = nullptr;
  int size = ASN1_STRING_to_UTF8(&utf8, value);
  if (size < 0) {
    ERR_clear_error();
    return {};
  }
  std::string out(reinterpret_cast<char*>(utf8), static_cast<size_t>(size));
  OPENSSL_free(utf8);
  return out;
}

std::vector<std::string> name_entries(const X509_NAME* name, int nid) {
  std::vector<std::string> out;
  for (int at = X509_NAME_get_index_by_NID(name, nid, -1); at >= 0; at = X509_NAME_get_index_by_NID(name, nid, at))
    out.push_back(text_of(X509_NAME_ENTRY_get_data(X509_NAME_get_entry(name, at))));
  return out;
}

std::string first_entry(const X509_NAME* name, int nid) {
  auto entries = name_entries(name, nid);
  return entries.empty() ? std::string() : entries.front();
}

base::Time time_of(const ASN1_TIME* value) {
  std::tm parts{};
  if (ASN1_TIME_to_tm(value, &parts) != 1) {
    ERR_clear_error();
    return {};
  }
  using namespace std::chrono;
  auto day = year_month_day(year(parts.tm_year + 1900), month(static_cast<unsigned>(parts.tm_mon + 1)),
                            std::chrono::day(static_cast<unsigned>(parts.tm_mday)));
  // Nanoseconds since 1970 end in 2262; "no well-defined expiry" (9999) becomes that end.
  if (parts.tm_year + 1900 > 2261) return base::Time::max();
  return sys_days(day) + std::chrono::hours(parts.tm_hour) + std::chrono::minutes(parts.tm_min) +
         std::chrono::seconds(parts.tm_sec);
}

std::string ip_text(const ASN1_OCTET_STRING* value) {
  const unsigned char* bytes = ASN1_STRING_get0_data(value);
  int size = ASN1_STRING_length(value);
  if (size == 4) {
    std::string out;
    for (int i = 0; i < 4; ++i) out += (i ? "." : "") + std::to_string(bytes[i]);
    return out;
  }
  if (size != 16) return {};
  // RFC 5952: the longest run of two or more zero groups is "::", lower-case hex without leading zeros.
  unsigned groups[8];
  for (int i = 0; i < 8; ++i) groups[i] = static_cast<unsigned>(bytes[2 * i]) << 8 | bytes[2 * i + 1];
  int run_at = -1, run_size = 1;
  for (int i = 0; i < 8; ++i) {
    int end = i;
    while (end < 8 && groups[end] == 0) ++end;
    if (end - i > run_size) run_at = i, run_size = end - i;
  }
  std::string out;
  for (int i = 0; i < 8; ++i) {
    if (i == run_at) {
      out += "::";
      i += run_size - 1;
      continue;
    }
    if (!out.empty() && out.back() != ':') out += ':';
    char digits[8];
    out.append(digits, static_cast<size_t>(snprintf(digits, sizeof digits, "%x", groups[i])));
  }
  return out;
}

void read_alternative_names(X509* certificate, CertificateInfo& info) {
  auto* names = static_cast<GENERAL_NAMES*>(X509_get_ext_d2i(certificate, NID_subject_alt_name, nullptr, nullptr));
  for (int i = 0; i < sk_GENERAL_NAME_num(names); ++i) {
    const GENERAL_NAME* name = sk_GENERAL_NAME_value(names, i);
    if (name->type == GEN_DNS) info.dns_names.push_back(text_of(name->d.dNSName));
    if (name->type == GEN_IPADD) info.ip_addresses.push_back(ip_text(name->d.iPAddress));
  }
  GENERAL_NAMES_free(names);
  ERR_clear_error();
}

std::string serial_hex(X509* certificate) {
  BIGNUM* number = ASN1_INTEGER_to_BN(X509_get0_serialNumber(certificate), nullptr);
  if (!number) return {};
  char* digits = BN_bn2hex(number);
  std::string out = digits ? base::lower(digits) : std::string();
  OPENSSL_free(digits);
  BN_free(number);
  return out;
}

CertificateInfo info_of(X509* certificate) {
  CertificateInfo info;
  const X509_NAME* subject = X509_get_subject_name(certificate);
  info.common_name = first_entry(subject, NID_commonName);
  info.organizations = name_entries(subject, NID_organizationName);
  info.issuer_common_name = first_entry(X509_get_issuer_name(certificate), NID_commonName);
  info.is_ca = X509_check_ca(certificate) == 1;
  info.not_before = time_of(X509_get0_notBefore(certificate));
  info.not_after = time_of(X509_get0_notAfter(certificate));
  info.serial_hex = serial_hex(certificate);
  read_alternative_names(certificate, info);
  return info;
}

struct VerifyFree {
  void operator()(X509_STORE* store) const { X509_STORE_free(store); }
  void operator()(X509_STORE_CTX* context) const { X509_STORE_CTX_free(context); }
  void operator()(STACK_OF(X509) * stack) const { sk_X509_free(stack); }
};

std::string all_names(const CertificateInfo& info) {
  std::vector<std::string> names = info.dns_names;
  names.insert(names.end(), info.ip_addresses.begin(), info.ip_addresses.end());
  return names.empty() ? "no names" : base::join(names, ", ");
}

// In words what was wrong with which certificate of the chain.
base::Error refusal(X509_STORE_CTX* context, std::string_view name, base::Time at) {
  int code = X509_STORE_CTX_get_error(context);
  X509* culprit = X509_STORE_CTX_get_current_cert(context);
  CertificateInfo info = culprit ? info_of(culprit) : CertificateInfo{};
  std::string who = "certificate of \"" + info.common_name + "\" ";
  ERR_clear_error();
  base::Error error{base::Code::unauthenticated, {}};
  switch (code) {
    case X509_V_ERR_CERT_HAS_EXPIRED:
      error.message =
          who + "has expired: it was valid until " + base::rfc3339(info.not_after) + " and it is " + base::rfc3339(at);
      error.fix = "renew the certificate, or correct the clock";
      break;
    case X509_V_ERR_CERT_NOT_YET_VALID:
      error.message =
          who + "is not valid yet: it starts at " + base::rfc3339(info.not_before) + " and it is " + base::rfc3339(at);
      error.fix = "correct the clock";
      break;
    case X509_V_ERR_HOSTNAME_MISMATCH:
    case X509_V_ERR_IP_ADDRESS_MISMATCH:
      error.message = who + "is for " + all_names(info) + ", not for " + std::string(name);
      break;
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
    case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
    case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
    case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
      error.message = who + "is signed by an unknown authority \"" + info.issuer_common_name + "\"";
      break;
    default:
      error.message = who + "is refused: " + X509_verify_cert_error_string(code);
  }
  return error;
}

void set_checks(X509_VERIFY_PARAM* checks, const std::string& name, base::Time at) {
  X509_VERIFY_PARAM_set_time(checks, std::chrono::floor<std::chrono::seconds>(at).time_since_epoch().count());
  // A root given by the user is trusted as it is, also when it is an intermediate or the server's own certificate.
  X509_VERIFY_PARAM_set_flags(checks, X509_V_FLAG_PARTIAL_CHAIN);
  if (name.empty()) return;
  X509_VERIFY_PARAM_set_hostflags(checks, X509_CHECK_FLAG_NEVER_CHECK_SUBJECT | X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
  if (X509_VERIFY_PARAM_set1_ip_asc(checks, name.c_str()) == 1) return;
  ERR_clear_error();
  X509_VERIFY_PARAM_set1_host(checks, name.data(), name.size());
}

}  // namespace

base::Result<CertificateInfo> inspect_certificate(std::string_view certificate_pem) {
  CertificatePtr certificate = TRY(read_certificate(certificate_pem));
  return info_of(certificate.get());
}

base::Result<void> verify_certificate(std::string_view certificate_pem, std::string_view roots_pem,
                                      std::string_view name, base::Time at) {
  auto unauthenticated = [](base::Error error) {
    error.code = base::Code::unauthenticated;
    return error;
  };
  auto chain = read_certificates(certificate_pem);
  if (!chain) return unauthenticated(std::move(chain).error());
  auto roots = read_certificates(roots_pem).context("trust roots");
  if (!roots) return unauthenticated(std::move(roots).error());

  std::unique_ptr<X509_STORE, VerifyFree> store(X509_STORE_new());
  std::unique_ptr<X509_STORE_CTX, VerifyFree> context(X509_STORE_CTX_new());
  std::unique_ptr<STACK_OF(X509), VerifyFree> intermediates(sk_X509_new_null());
  CHECK_THAT(store && context && intermediates, "out of memory");
  for (const CertificatePtr& root : *roots) X509_STORE_add_cert(store.get(), root.get());
  for (size_t i = 1; i < chain->size(); ++i) sk_X509_push(intermediates.get(), (*chain)[i].get());
  CHECK_THAT(X509_STORE_CTX_init(context.get(), store.get(), chain->front().get(), intermediates.get()) == 1,
             "out of memory");
  set_checks(X509_STORE_CTX_get0_param(context.get()), std::string(name), at);
  if (X509_verify_cert(context.get()) == 1) return {};
  return refusal(context.get(), name, at);
}

bool key_matches(std::string_view certificate_pem, std::string_view key_pem) {
  auto certificate = read_certificate(certificate_pem);
  auto key = read_private_key(key_pem);
  if (!certificate || !key) return false;
  bool same = X509_check_private_key(certificate->get(), key->get()) == 1;
  ERR_clear_error();
  return same;
}

base::Result<std::string> ca_cert_hash(std::string_view certificate_pem) {
  CertificatePtr certificate = TRY(read_certificate(certificate_pem));
  return "sha256:" + base::hex(sha256(der_public_key(certificate.get())));
}

}  // namespace crypto
