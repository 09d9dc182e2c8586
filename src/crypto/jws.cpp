// Checking the signatures of JSON web tokens in compact form.
#include <openssl/bn.h>
#include <openssl/ecdsa.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>

#include <array>

#include "base/check.h"
#include "base/text.h"
#include "crypto/jwk.h"
#include "crypto/openssl_handles.h"

namespace crypto {
namespace {

using base::Json;
using base::Result;

constexpr size_t token_bytes_max = 64u << 10;

struct Algorithm {
  std::string_view name;
  int key_type;
  const EVP_MD* (*digest)();
  bool pss = false;
  int number_bytes = 0;  // of r and of s (RFC 7518 section 3.4)
};
constexpr auto algorithms = std::to_array<Algorithm>({
    {"RS256", EVP_PKEY_RSA, EVP_sha256},
    {"RS384", EVP_PKEY_RSA, EVP_sha384},
    {"RS512", EVP_PKEY_RSA, EVP_sha512},
    {"PS256", EVP_PKEY_RSA, EVP_sha256, true},
    {"PS384", EVP_PKEY_RSA, EVP_sha384, true},
    {"PS512", EVP_PKEY_RSA, EVP_sha512, true},
    {"ES256", EVP_PKEY_EC, EVP_sha256, false, 32},
    {"ES384", EVP_PKEY_EC, EVP_sha384, false, 48},
    {"ES512", EVP_PKEY_EC, EVP_sha512, false, 66},
});

struct Free {
  void operator()(EVP_MD_CTX* context) const { EVP_MD_CTX_free(context); }
  void operator()(ECDSA_SIG* signature) const { ECDSA_SIG_free(signature); }
};

base::Error refused(std::string message) {
  ERR_clear_error();
  return {.code = base::Code::unauthenticated, .message = std::move(message)};
}

struct Parts {
  std::string header, payload, signature;
  std::string_view signed_text;
};

Result<Parts> parts_of(std::string_view token) {
  if (token.size() > token_bytes_max) return refused("token is too long");
  const auto parts = base::split(token, '.');
  if (parts.size() != 3) return refused("token is not a signed JSON web token");
  auto header = base::unbase64_url(parts[0]);
  auto payload = base::unbase64_url(parts[1]);
  auto signature = base::unbase64_url(parts[2]);
  if (!header || !payload || !signature) return refused("token is not base64url");
  return Parts{std::move(*header), std::move(*payload), std::move(*signature),
               token.substr(0, parts[0].size() + 1 + parts[1].size())};
}

// ES signatures are r and s at full length; OpenSSL speaks DER.
std::string der_of(std::string_view raw, int number_bytes) {
  if (raw.size() != 2 * static_cast<size_t>(number_bytes)) return {};
  const auto* bytes = reinterpret_cast<const unsigned char*>(raw.data());
  const std::unique_ptr<ECDSA_SIG, Free> signature(ECDSA_SIG_new());
  BIGNUM* r = BN_bin2bn(bytes, number_bytes, nullptr);
  BIGNUM* s = BN_bin2bn(bytes + number_bytes, number_bytes, nullptr);
  CHECK_THAT(signature && r && s && ECDSA_SIG_set0(signature.get(), r, s) == 1, "out of memory");
  unsigned char* der = nullptr;
  const int size = i2d_ECDSA_SIG(signature.get(), &der);
  CHECK_THAT(size > 0, "out of memory");
  std::string out(reinterpret_cast<char*>(der), static_cast<size_t>(size));
  OPENSSL_free(der);
  return out;
}

bool is_good(EVP_PKEY* key, const Algorithm& algorithm, const std::string& signature, std::string_view text) {
  const std::unique_ptr<EVP_MD_CTX, Free> context(EVP_MD_CTX_new());
  CHECK_THAT(context, "out of memory");
  EVP_PKEY_CTX* settings = nullptr;
  if (EVP_DigestVerifyInit(context.get(), &settings, algorithm.digest(), nullptr, key) != 1) return false;
  if (algorithm.pss && (EVP_PKEY_CTX_set_rsa_padding(settings, RSA_PKCS1_PSS_PADDING) != 1 ||
                        EVP_PKEY_CTX_set_rsa_pss_saltlen(settings, RSA_PSS_SALTLEN_DIGEST) != 1)) {
    return false;
  }
  return EVP_DigestVerify(context.get(), reinterpret_cast<const unsigned char*>(signature.data()), signature.size(),
                          reinterpret_cast<const unsigned char*>(text.data()), text.size()) == 1;
}

}  // namespace

Result<JwtHeader> jwt_header(std::string_view token) {
  const auto parts = TRY(parts_of(token));
  const auto header = base::parse_json(parts.header);
  if (!header || !header->is_object()) return refused("token header is not JSON");
  return JwtHeader{(*header)["alg"].string(), (*header)["kid"].string()};
}

Result<Json> unverified_claims(std::string_view token) {
  const auto parts = TRY(parts_of(token));
  auto claims = base::parse_json(parts.payload);
  if (!claims || !claims->is_object()) return refused("the token carries no JSON object");
  return std::move(*claims);
}

Result<std::string> verify_jws(std::string_view token, std::string_view public_key_pem, std::string_view wanted) {
  auto parts = TRY(parts_of(token));
  const auto header = TRY(jwt_header(token));
  if (header.algorithm != wanted) return refused("token is signed with another algorithm than " + std::string(wanted));
  for (const auto& algorithm : algorithms) {
    if (algorithm.name != wanted) continue;
    const KeyPtr key = TRY(read_public_key(public_key_pem));
    if (EVP_PKEY_get_base_id(key.get()) != algorithm.key_type)
      return refused("the key is not for " + std::string(wanted));
    // Each ES algorithm goes with one curve.
    const bool curve_fits =
        algorithm.number_bytes == 0 || (EVP_PKEY_get_bits(key.get()) + 7) / 8 == algorithm.number_bytes;
    if (!curve_fits) return refused("the key is not for " + std::string(wanted));
    const std::string signature =
        algorithm.number_bytes > 0 ? der_of(parts.signature, algorithm.number_bytes) : parts.signature;
    if (!is_good(key.get(), algorithm, signature, parts.signed_text)) return refused("token signature does not match");
    return std::move(parts.payload);
  }
  return refused("the algorithm " + std::string(wanted) + " is not supported");
}

}  // namespace crypto
