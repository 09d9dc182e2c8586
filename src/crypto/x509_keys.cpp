#include <openssl/bio.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

#include <limits>

#include "base/check.h"
#include "crypto/openssl_handles.h"
#include "crypto/x509.h"

namespace crypto {

void OpensslFree::operator()(evp_pkey_st* key) const { EVP_PKEY_free(key); }
void OpensslFree::operator()(x509_st* certificate) const { X509_free(certificate); }
void OpensslFree::operator()(bio_st* bio) const { BIO_free(bio); }

BioPtr reading_bio(std::string_view bytes) {
  CHECK_THAT(bytes.size() <= static_cast<size_t>(std::numeric_limits<int>::max()), "OpenSSL counts in int");
  // A null pointer would make the BIO writable; the literal keeps an empty text an empty text.
  BioPtr bio(BIO_new_mem_buf(bytes.empty() ? "" : bytes.data(), static_cast<int>(bytes.size())));
  CHECK_THAT(bio, "out of memory");
  return bio;
}

BioPtr writing_bio() {
  BioPtr bio(BIO_new(BIO_s_mem()));
  CHECK_THAT(bio, "out of memory");
  return bio;
}

std::string taken_from(bio_st* bio) {
  char* bytes = nullptr;
  long size = BIO_get_mem_data(bio, &bytes);
  return size > 0 ? std::string(bytes, static_cast<size_t>(size)) : std::string();
}

base::Error openssl_error(std::string_view what) {
  std::string message(what);
  if (unsigned long code = ERR_peek_last_error(); code != 0) {
    if (const char* reason = ERR_reason_error_string(code)) message.append(": ").append(reason);
  }
  ERR_clear_error();
  return base::invalid(std::move(message));
}

namespace {

// OpenSSL would ask on the terminal for the password of an encrypted key.
int no_password(char*, int, int, void*) { return -1; }

std::string private_pem(EVP_PKEY* key) {
  BioPtr bio = writing_bio();
  CHECK_THAT(PEM_write_bio_PKCS8PrivateKey(bio.get(), key, nullptr, nullptr, 0, nullptr, nullptr) == 1,
             "writing a key failed");
  return taken_from(bio.get());
}

}  // namespace

base::Result<KeyPtr> read_private_key(std::string_view pem) {
  BioPtr bio = reading_bio(pem);
  KeyPtr key(PEM_read_bio_PrivateKey(bio.get(), nullptr, no_password, nullptr));
  if (!key) return openssl_error("not a PEM private key");
  return key;
}

base::Result<KeyPtr> read_public_key(std::string_view pem) {
  BioPtr bio = reading_bio(pem);
  KeyPtr key(PEM_read_bio_PUBKEY(bio.get(), nullptr, no_password, nullptr));
  if (!key) return openssl_error("not a PEM public key");
  return key;
}

base::Result<std::vector<CertificatePtr>> read_certificates(std::string_view pem) {
  constexpr size_t certificates_max = 1000;
  BioPtr bio = reading_bio(pem);
  std::vector<CertificatePtr> found;
  while (CertificatePtr next{PEM_read_bio_X509(bio.get(), nullptr, no_password, nullptr)}) {
    found.push_back(std::move(next));
    if (found.size() > certificates_max) return base::invalid("more than 1000 certificates in one text");
  }
  // The reader ends with "no start line" at the end of the text; anything else is a damaged certificate.
  bool damaged = ERR_GET_REASON(ERR_peek_last_error()) != PEM_R_NO_START_LINE;
  if (damaged || found.empty()) return openssl_error("not a PEM certificate");
  ERR_clear_error();
  return found;
}

base::Result<CertificatePtr> read_certificate(std::string_view pem) {
  auto all = TRY(read_certificates(pem));
  return std::move(all.front());
}

std::string der_public_key(x509_st* certificate) {
  unsigned char* der = nullptr;
  int size = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(certificate), &der);
  CHECK_THAT(size > 0, "a parsed certificate has a public key");
  std::string out(reinterpret_cast<char*>(der), static_cast<size_t>(size));
  OPENSSL_free(der);
  return out;
}

std::string generate_rsa_2048_pem() {
  KeyPtr key(EVP_RSA_gen(2048));
  CHECK_THAT(key, "generating an RSA key failed");
  return private_pem(key.get());
}

std::string generate_ec_p256_pem() {
  KeyPtr key(EVP_EC_gen("P-256"));
  CHECK_THAT(key, "generating an EC key failed");
  return private_pem(key.get());
}

base::Result<std::string> public_key_pem(std::string_view private_key_pem) {
  KeyPtr key = TRY(read_private_key(private_key_pem));
  BioPtr bio = writing_bio();
  if (PEM_write_bio_PUBKEY(bio.get(), key.get()) != 1) return openssl_error("cannot write the public key");
  return taken_from(bio.get());
}

}  // namespace crypto
