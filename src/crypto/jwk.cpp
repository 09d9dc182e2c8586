#include "crypto/jwk.h"

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>
#include <openssl/pem.h>

#include <array>

#include "base/text.h"
#include "crypto/openssl_handles.h"

namespace crypto {
namespace {

using base::Json;
using base::Result;

struct Free {
  void operator()(BIGNUM* number) const { BN_free(number); }
  void operator()(OSSL_PARAM_BLD* builder) const { OSSL_PARAM_BLD_free(builder); }
  void operator()(OSSL_PARAM* params) const { OSSL_PARAM_free(params); }
  void operator()(EVP_PKEY_CTX* context) const { EVP_PKEY_CTX_free(context); }
};
template <class T>
using Owned = std::unique_ptr<T, Free>;

struct Curve {
  const char* name;   // RFC 7518 section 6.2.1.1
  const char* group;  // OpenSSL's
  size_t bytes;       // of a coordinate
};
constexpr auto curves = std::to_array<Curve>({{"P-256", "P-256", 32}, {"P-384", "P-384", 48}, {"P-521", "P-521", 66}});

base::Error no_key(std::string why) {
  ERR_clear_error();
  return base::invalid(std::move(why));
}

Result<Owned<BIGNUM>> number(const Json& key, const char* name) {
  const auto bytes = base::unbase64_url(key[name].string());
  if (!bytes || bytes->empty()) return no_key(std::string("the key has no number ") + name);
  return Owned<BIGNUM>(
      BN_bin2bn(reinterpret_cast<const unsigned char*>(bytes->data()), static_cast<int>(bytes->size()), nullptr));
}

Result<std::string> pem_of(const char* type, OSSL_PARAM_BLD* builder) {
  const Owned<OSSL_PARAM> params(OSSL_PARAM_BLD_to_param(builder));
  const Owned<EVP_PKEY_CTX> context(EVP_PKEY_CTX_new_from_name(nullptr, type, nullptr));
  EVP_PKEY* made = nullptr;
  if (!params || !context || EVP_PKEY_fromdata_init(context.get()) != 1 ||
      EVP_PKEY_fromdata(context.get(), &made, EVP_PKEY_PUBLIC_KEY, params.get()) != 1) {
    return no_key("the numbers make no key");
  }
  const KeyPtr key(made);
  const BioPtr bio = writing_bio();
  if (PEM_write_bio_PUBKEY(bio.get(), key.get()) != 1) return no_key("the key cannot be written");
  return taken_from(bio.get());
}

Result<std::string> rsa_pem(const Json& key) {
  const auto modulus = TRY(number(key, "n"));
  const auto exponent = TRY(number(key, "e"));
  constexpr int bits_min = 2048, bits_max = 16384;
  const int bits = BN_num_bits(modulus.get());
  if (bits < bits_min || bits > bits_max) return no_key("RSA keys have 2048 to 16384 bits");
  const Owned<OSSL_PARAM_BLD> builder(OSSL_PARAM_BLD_new());
  if (!builder || OSSL_PARAM_BLD_push_BN(builder.get(), OSSL_PKEY_PARAM_RSA_N, modulus.get()) != 1 ||
      OSSL_PARAM_BLD_push_BN(builder.get(), OSSL_PKEY_PARAM_RSA_E, exponent.get()) != 1) {
    return no_key("out of memory");
  }
  return pem_of("RSA", builder.get());
}

// An uncompressed point (SEC 1 section 2.3.3) takes coordinates at full length.
Result<std::string> coordinate(const Json& key, const char* name, size_t bytes) {
  auto out = base::unbase64_url(key[name].string());
  if (!out || out->empty() || out->size() > bytes) return no_key(std::string("the key has no coordinate ") + name);
  return std::string(bytes - out->size(), '\0') + *out;
}

Result<std::string> ec_pem(const Json& key) {
  for (const auto& curve : curves) {
    if (key["crv"].string() != curve.name) continue;
    const std::string point = "\x04" + TRY(coordinate(key, "x", curve.bytes)) + TRY(coordinate(key, "y", curve.bytes));
    const Owned<OSSL_PARAM_BLD> builder(OSSL_PARAM_BLD_new());
    if (!builder || OSSL_PARAM_BLD_push_utf8_string(builder.get(), OSSL_PKEY_PARAM_GROUP_NAME, curve.group, 0) != 1 ||
        OSSL_PARAM_BLD_push_octet_string(builder.get(), OSSL_PKEY_PARAM_PUB_KEY, point.data(), point.size()) != 1) {
      return no_key("out of memory");
    }
    return pem_of("EC", builder.get());
  }
  return base::Error{.code = base::Code::unsupported, .message = "keys on the curve " + key["crv"].string()};
}

// Big-endian, at least `bytes` long.
Result<std::string> number_text(EVP_PKEY* key, const char* name, size_t bytes) {
  BIGNUM* taken = nullptr;
  if (EVP_PKEY_get_bn_param(key, name, &taken) != 1) return no_key(std::string("the key has no ") + name);
  const Owned<BIGNUM> value(taken);
  bytes = std::max(bytes, static_cast<size_t>(BN_num_bytes(value.get())));
  std::string out(bytes, '\0');
  BN_bn2binpad(value.get(), reinterpret_cast<unsigned char*>(out.data()), static_cast<int>(bytes));
  return base::base64_url(out);
}

}  // namespace

Result<std::string> public_key_of_jwk(const Json& key) {
  const std::string& type = key["kty"].string();
  if (type == "RSA") return rsa_pem(key);
  if (type == "EC") return ec_pem(key);
  return base::Error{.code = base::Code::unsupported, .message = "keys of type " + base::quoted(type)};
}

Result<Json> jwk_of(std::string_view public_key_pem) {
  const KeyPtr key = TRY(read_public_key(public_key_pem));
  if (EVP_PKEY_get_base_id(key.get()) == EVP_PKEY_RSA) {
    return Json::object({{"kty", "RSA"},
                         {"n", TRY(number_text(key.get(), OSSL_PKEY_PARAM_RSA_N, 0))},
                         {"e", TRY(number_text(key.get(), OSSL_PKEY_PARAM_RSA_E, 0))}});
  }
  if (EVP_PKEY_get_base_id(key.get()) == EVP_PKEY_EC) {
    const size_t bytes = static_cast<size_t>(EVP_PKEY_get_bits(key.get()) + 7) / 8;
    for (const auto& curve : curves) {
      if (curve.bytes != bytes) continue;
      return Json::object({{"kty", "EC"},
                           {"crv", curve.name},
                           {"x", TRY(number_text(key.get(), OSSL_PKEY_PARAM_EC_PUB_X, bytes))},
                           {"y", TRY(number_text(key.get(), OSSL_PKEY_PARAM_EC_PUB_Y, bytes))}});
    }
  }
  return base::Error{.code = base::Code::unsupported, .message = "keys that are neither RSA nor EC"};
}

}  // namespace crypto
