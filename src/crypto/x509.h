// Certificates and keys as PEM strings: what an API server, kubeadm and BMC fronts need. Times and serials are given by
// the caller, so simulation stays in charge of both.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "base/time.h"

namespace crypto {

std::string generate_rsa_2048_pem();  // PKCS#8; random (use sys::KeySource, which the simulation replaces)
std::string generate_ec_p256_pem();
// "-----BEGIN PUBLIC KEY-----" of a private key.
base::Result<std::string> public_key_pem(std::string_view private_key_pem);

struct CertificateRequest {
  std::string common_name;
  std::vector<std::string> organizations;
  std::vector<std::string> dns_names;
  std::vector<std::string> ip_addresses;
  bool is_ca = false;
  bool client_auth = false;
  bool server_auth = false;
  base::Time not_before, not_after;
  std::string serial_hex;  // 16 random bytes as hex; "" means 01
};

// Puts a subject alternative name where it belongs: IP literals (without brackets) to the addresses, all else to DNS.
void add_subject_name(CertificateRequest& request, const std::string& name);

// Self-signed when `ca_certificate_pem` is empty (then `ca_key_pem` is the subject's own key).
base::Result<std::string> issue_certificate(const CertificateRequest& request, std::string_view subject_key_pem,
                                            std::string_view ca_certificate_pem, std::string_view ca_key_pem);

struct CertificateInfo {
  std::string common_name;
  std::vector<std::string> organizations;
  std::vector<std::string> dns_names;
  std::vector<std::string> ip_addresses;
  std::string issuer_common_name;
  bool is_ca = false;
  base::Time not_before, not_after;
  std::string serial_hex;
};
base::Result<CertificateInfo> inspect_certificate(std::string_view certificate_pem);

// Whether `certificate_pem` (leaf first, intermediates after) chains to one of `roots_pem` and is valid at `at`.
// `name`, when not empty, must match a DNS or IP subject alternative name. Errors: unauthenticated with the reason.
base::Result<void> verify_certificate(std::string_view certificate_pem, std::string_view roots_pem,
                                      std::string_view name, base::Time at);
// Whether the key belongs to the certificate.
bool key_matches(std::string_view certificate_pem, std::string_view key_pem);

// kubeadm's discovery-token-ca-cert-hash: "sha256:<hex of SHA-256 over the DER SubjectPublicKeyInfo>".
base::Result<std::string> ca_cert_hash(std::string_view certificate_pem);

// RS256 / ES256 JSON web signatures over base64url(header).base64url(payload).
base::Result<std::string> sign_jwt(std::string_view payload_json, std::string_view private_key_pem,
                                   std::string_view key_id);
base::Result<std::string> verify_jwt(std::string_view token, std::string_view public_key_pem);  // the payload JSON

}  // namespace crypto
