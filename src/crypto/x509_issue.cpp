#include <openssl/bn.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include "base/check.h"
#include "base/text.h"
#include "crypto/openssl_handles.h"
#include "crypto/x509.h"

namespace crypto {
namespace {

using base::Result;

Result<void> set_serial(X509* certificate, const std::string& serial_hex) {
  const std::string& digits = serial_hex.empty() ? std::string("01") : serial_hex;
  // RFC 5280 4.1.2.2: at most 20 octets.
  if (digits.size() > 40) return base::invalid("certificate serial is longer than 20 bytes");
  BIGNUM* number = nullptr;
  int taken = BN_hex2bn(&number, digits.c_str());
  bool good = taken == static_cast<int>(digits.size()) && !BN_is_negative(number) && !BN_is_zero(number) &&
              BN_to_ASN1_INTEGER(number, X509_get_serialNumber(certificate));
  BN_free(number);
  if (!good) return openssl_error("certificate serial is not a positive hexadecimal number");
  return {};
}

Result<void> set_times(X509* certificate, base::Time not_before, base::Time not_after) {
  auto seconds = [](base::Time time) {
    return static_cast<time_t>(std::chrono::floor<std::chrono::seconds>(time).time_since_epoch().count());
  };
  if (not_after <= not_before) return base::invalid("certificate ends before it starts");
  if (!ASN1_TIME_set(X509_getm_notBefore(certificate), seconds(not_before)) ||
      !ASN1_TIME_set(X509_getm_notAfter(certificate), seconds(not_after)))
    return openssl_error("certificate time is out of range");
  return {};
}

Result<void> set_subject(X509* certificate, const CertificateRequest& request) {
  X509_NAME* name = X509_get_subject_name(certificate);
  auto add = [&](int nid, const std::string& text) {
    return X509_NAME_add_entry_by_NID(name, nid, MBSTRING_UTF8, reinterpret_cast<const unsigned char*>(text.data()),
                                      static_cast<int>(text.size()), -1, 0) == 1;
  };
  for (const std::string& organization : request.organizations)
    if (!add(NID_organizationName, organization)) return openssl_error("organization \"" + organization + "\"");
  if (!request.common_name.empty() && !add(NID_commonName, request.common_name))
    return openssl_error("common name \"" + request.common_name + "\"");
  return {};
}

Result<void> add_extension(X509* certificate, int nid, bool critical, void* value) {
  if (X509_add1_ext_i2d(certificate, nid, value, critical ? 1 : 0, X509V3_ADD_APPEND) == 1) return {};
  return openssl_error("cannot add a certificate extension");
}

Result<void> add_basic_constraints(X509* certificate, bool is_ca) {
  BASIC_CONSTRAINTS* constraints = BASIC_CONSTRAINTS_new();
  CHECK_THAT(constraints, "out of memory");
  constraints->ca = is_ca ? 0xff : 0;  // DER knows one TRUE (X.690 section 11.1), and Go refuses any other
  auto added = add_extension(certificate, NID_basic_constraints, true, constraints);
  BASIC_CONSTRAINTS_free(constraints);
  return added;
}

// Digital signature and key encipherment for everything, as kubeadm does; signing certificates only for a CA.
Result<void> add_key_usage(X509* certificate, bool is_ca) {
  constexpr int digital_signature = 0, key_encipherment = 2, certificate_signing = 5;  // RFC 5280 4.2.1.3
  ASN1_BIT_STRING* bits = ASN1_BIT_STRING_new();
  CHECK_THAT(bits, "out of memory");
  ASN1_BIT_STRING_set_bit(bits, digital_signature, 1);
  ASN1_BIT_STRING_set_bit(bits, key_encipherment, 1);
  if (is_ca) ASN1_BIT_STRING_set_bit(bits, certificate_signing, 1);
  auto added = add_extension(certificate, NID_key_usage, true, bits);
  ASN1_BIT_STRING_free(bits);
  return added;
}

Result<void> add_extended_key_usage(X509* certificate, const CertificateRequest& request) {
  if (!request.client_auth && !request.server_auth) return {};
  EXTENDED_KEY_USAGE* usages = EXTENDED_KEY_USAGE_new();
  CHECK_THAT(usages, "out of memory");
  if (request.server_auth) sk_ASN1_OBJECT_push(usages, OBJ_nid2obj(NID_server_auth));
  if (request.client_auth) sk_ASN1_OBJECT_push(usages, OBJ_nid2obj(NID_client_auth));
  auto added = add_extension(certificate, NID_ext_key_usage, false, usages);
  EXTENDED_KEY_USAGE_free(usages);
  return added;
}

GENERAL_NAME* dns_general_name(const std::string& dns) {
  if (dns.empty() || dns.size() > 253 || dns.find('\0') != std::string::npos) return nullptr;
  ASN1_IA5STRING* text = ASN1_IA5STRING_new();
  CHECK_THAT(text, "out of memory");
  ASN1_STRING_set(text, dns.data(), static_cast<int>(dns.size()));
  GENERAL_NAME* name = GENERAL_NAME_new();
  CHECK_THAT(name, "out of memory");
  GENERAL_NAME_set0_value(name, GEN_DNS, text);
  return name;
}

GENERAL_NAME* ip_general_name(const std::string& ip) {
  ASN1_OCTET_STRING* bytes = a2i_IPADDRESS(ip.c_str());
  if (!bytes) return nullptr;
  GENERAL_NAME* name = GENERAL_NAME_new();
  CHECK_THAT(name, "out of memory");
  GENERAL_NAME_set0_value(name, GEN_IPADD, bytes);
  return name;
}

Result<void> add_alternative_names(X509* certificate, const CertificateRequest& request) {
  if (request.dns_names.empty() && request.ip_addresses.empty()) return {};
  GENERAL_NAMES* names = GENERAL_NAMES_new();
  CHECK_THAT(names, "out of memory");
  std::string refused;
  auto push = [&](GENERAL_NAME* name, const std::string& text) {
    if (name)
      sk_GENERAL_NAME_push(names, name);
    else if (refused.empty())
      refused = "\"" + text + "\" cannot be a subject alternative name";
  };
  for (const std::string& dns : request.dns_names) push(dns_general_name(dns), dns);
  for (const std::string& ip : request.ip_addresses) push(ip_general_name(ip), ip);
  Result<void> added = refused.empty() ? add_extension(certificate, NID_subject_alt_name, false, names)
                                       : Result<void>(openssl_error(refused));
  GENERAL_NAMES_free(names);
  return added;
}

// The key identifiers let verifiers tell CAs of one name apart (RFC 5280 4.2.1.1, 4.2.1.2).
Result<void> add_key_identifiers(X509* certificate, X509* issuer) {
  X509V3_CTX context;
  X509V3_set_ctx(&context, issuer, certificate, nullptr, nullptr, 0);
  for (auto [nid, value] : {std::pair{NID_subject_key_identifier, "hash"}, {NID_authority_key_identifier, "keyid"}}) {
    X509_EXTENSION* extension = X509V3_EXT_conf_nid(nullptr, &context, nid, value);
    bool added = extension && X509_add_ext(certificate, extension, -1) == 1;
    X509_EXTENSION_free(extension);
    if (!added) return openssl_error("cannot add a key identifier");
  }
  return {};
}

Result<void> add_extensions(X509* certificate, const CertificateRequest& request) {
  TRY(add_basic_constraints(certificate, request.is_ca));
  TRY(add_key_usage(certificate, request.is_ca));
  TRY(add_extended_key_usage(certificate, request));
  return add_alternative_names(certificate, request);
}

}  // namespace

void add_subject_name(CertificateRequest& request, const std::string& name) {
  ASN1_OCTET_STRING* address = a2i_IPADDRESS(name.c_str());
  (address ? request.ip_addresses : request.dns_names).push_back(name);
  ASN1_OCTET_STRING_free(address);
}

base::Result<std::string> issue_certificate(const CertificateRequest& request, std::string_view subject_key_pem,
                                            std::string_view ca_certificate_pem, std::string_view ca_key_pem) {
  KeyPtr subject_key = TRY(read_private_key(subject_key_pem).context("subject key"));
  KeyPtr ca_key = TRY(read_private_key(ca_key_pem).context("CA key"));
  CertificatePtr ca;
  if (!ca_certificate_pem.empty()) {
    ca = TRY(read_certificate(ca_certificate_pem).context("CA certificate"));
    if (X509_check_private_key(ca.get(), ca_key.get()) != 1)
      return openssl_error("the CA key does not belong to the CA certificate");
  } else if (EVP_PKEY_eq(subject_key.get(), ca_key.get()) != 1) {
    return openssl_error("a self-signed certificate is signed with its own key");
  }
  CertificatePtr made(X509_new());
  CHECK_THAT(made, "out of memory");
  X509* certificate = made.get();
  X509* issuer = ca ? ca.get() : certificate;
  X509_set_version(certificate, X509_VERSION_3);
  TRY(set_serial(certificate, request.serial_hex));
  TRY(set_times(certificate, request.not_before, request.not_after));
  TRY(set_subject(certificate, request));
  if (X509_set_issuer_name(certificate, X509_get_subject_name(issuer)) != 1 ||
      X509_set_pubkey(certificate, subject_key.get()) != 1)
    return openssl_error("cannot build the certificate");
  TRY(add_extensions(certificate, request));
  TRY(add_key_identifiers(certificate, issuer));
  if (X509_sign(certificate, ca_key.get(), EVP_sha256()) == 0) return openssl_error("cannot sign the certificate");
  BioPtr bio = writing_bio();
  if (PEM_write_bio_X509(bio.get(), certificate) != 1) return openssl_error("cannot write the certificate");
  return taken_from(bio.get());
}

}  // namespace crypto
