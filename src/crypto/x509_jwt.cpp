// JSON web signatures, RFC 7515 compact form, with RS256 and ES256 of RFC 7518.
#include <openssl/bn.h>
#include <openssl/ecdsa.h>
#include <openssl/evp.h>

#include "base/check.h"
#include "base/json.h"
#include "base/text.h"
#include "crypto/jwk.h"
#include "crypto/openssl_handles.h"
#include "crypto/x509.h"

namespace crypto {
namespace {

using base::Result;

constexpr int es256_number_size = 32;

Result<std::string_view> algorithm_of(EVP_PKEY* key) {
  if (EVP_PKEY_get_base_id(key) == EVP_PKEY_RSA) return std::string_view("RS256");
  if (EVP_PKEY_get_base_id(key) == EVP_PKEY_EC && EVP_PKEY_get_bits(key) == 256) return std::string_view("ES256");
  return base::invalid("tokens are signed with RSA or EC P-256 keys");
}

struct DigestFree {
  void operator()(EVP_MD_CTX* context) const { EVP_MD_CTX_free(context); }
  void operator()(ECDSA_SIG* signature) const { ECDSA_SIG_free(signature); }
};

// ES256 signatures are r and s as 32-byte numbers (RFC 7518 3.4); OpenSSL speaks DER.
std::string raw_from_der(std::string_view der) {
  const auto* at = reinterpret_cast<const unsigned char*>(der.data());
  std::unique_ptr<ECDSA_SIG, DigestFree> signature(d2i_ECDSA_SIG(nullptr, &at, static_cast<long>(der.size())));
  CHECK_THAT(signature, "OpenSSL made this signature");
  std::string raw(2 * es256_number_size, '\0');
  auto* out = reinterpret_cast<unsigned char*>(raw.data());
  BN_bn2binpad(ECDSA_SIG_get0_r(signature.get()), out, es256_number_size);
  BN_bn2binpad(ECDSA_SIG_get0_s(signature.get()), out + es256_number_size, es256_number_size);
  return raw;
}

}  // namespace

base::Result<std::string> sign_jwt(std::string_view payload_json, std::string_view private_key_pem,
                                   std::string_view key_id) {
  KeyPtr key = TRY(read_private_key(private_key_pem));
  std::string_view algorithm = TRY(algorithm_of(key.get()));
  base::Json header = base::Json::object({{"alg", std::string(algorithm)}});
  if (!key_id.empty()) header.set("kid", std::string(key_id));
  std::string token = base::base64_url(header.dump()) + "." + base::base64_url(payload_json);

  std::unique_ptr<EVP_MD_CTX, DigestFree> context(EVP_MD_CTX_new());
  CHECK_THAT(context, "out of memory");
  const auto* bytes = reinterpret_cast<const unsigned char*>(token.data());
  size_t size = 0;
  if (EVP_DigestSignInit(context.get(), nullptr, EVP_sha256(), nullptr, key.get()) != 1 ||
      EVP_DigestSign(context.get(), nullptr, &size, bytes, token.size()) != 1)
    return openssl_error("cannot sign the token");
  std::string signature(size, '\0');
  if (EVP_DigestSign(context.get(), reinterpret_cast<unsigned char*>(signature.data()), &size, bytes, token.size()) !=
      1)
    return openssl_error("cannot sign the token");
  signature.resize(size);
  if (algorithm == "ES256") signature = raw_from_der(signature);
  return token + "." + base::base64_url(signature);
}

base::Result<std::string> verify_jwt(std::string_view token, std::string_view public_key_pem) {
  // The key decides the algorithm; a header that claims another one ("none" above all) is a forgery.
  const KeyPtr key = TRY(read_public_key(public_key_pem));
  return verify_jws(token, public_key_pem, TRY(algorithm_of(key.get())));
}

}  // namespace crypto
