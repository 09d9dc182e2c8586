// Inside crypto only: owners of OpenSSL objects and the PEM readers that the x509 sources share. OpenSSL's types are
// named by their struct tags, so its headers stay in the .cpp files.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

struct evp_pkey_st;
struct x509_st;
struct bio_st;

namespace crypto {

struct OpensslFree {
  void operator()(evp_pkey_st* key) const;
  void operator()(x509_st* certificate) const;
  void operator()(bio_st* bio) const;
};
using KeyPtr = std::unique_ptr<evp_pkey_st, OpensslFree>;
using CertificatePtr = std::unique_ptr<x509_st, OpensslFree>;
using BioPtr = std::unique_ptr<bio_st, OpensslFree>;

BioPtr reading_bio(std::string_view bytes);  // `bytes` must outlive it
BioPtr writing_bio();
std::string taken_from(bio_st* bio);

// "what: OpenSSL's reason"; empties OpenSSL's per-thread error queue, which must not leak into later calls.
base::Error openssl_error(std::string_view what);

// PKCS#8, PKCS#1 "RSA PRIVATE KEY" or "EC PRIVATE KEY". Encrypted keys are refused (nobody is there to type).
base::Result<KeyPtr> read_private_key(std::string_view pem);
base::Result<KeyPtr> read_public_key(std::string_view pem);
// Every certificate of the text, at least one.
base::Result<std::vector<CertificatePtr>> read_certificates(std::string_view pem);
base::Result<CertificatePtr> read_certificate(std::string_view pem);  // the first
std::string der_public_key(x509_st* certificate);                     // SubjectPublicKeyInfo

}  // namespace crypto
