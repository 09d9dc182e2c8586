#include "crypto/jwk.h"

#include <doctest/doctest.h>

#include "base/text.h"
#include "crypto/x509.h"

namespace crypto {
namespace {

using base::Json;

TEST_CASE("a key goes to JSON and back") {
  for (const auto& key : {generate_rsa_2048_pem(), generate_ec_p256_pem()}) {
    const auto pem = public_key_pem(key).value();
    const Json jwk = jwk_of(pem).value();
    CHECK(public_key_of_jwk(jwk).value() == pem);
    const auto token = sign_jwt("{}", key, "k").value();
    const auto header = jwt_header(token).value();
    CHECK(header.key_id == "k");
    CHECK(verify_jws(token, public_key_of_jwk(jwk).value(), header.algorithm).value() == "{}");
    CHECK_FALSE(verify_jws(token, pem, "RS512").ok());
    CHECK_FALSE(verify_jws(token, pem, "none").ok());
  }
}

// The key of RFC 7515 appendix A.4 (ES512) and its signature.
TEST_CASE("ES512 of the RFC") {
  const Json key = *base::parse_json(
      R"({"kty":"EC","crv":"P-521",)"
      R"("x":"AekpBQ8ST8a8VcfVOTNl353vSrDCLLJXmPk06wTjxrrjcBpXp5EOnYG_NjFZ6OvLFV1jSfS9tsz4qUxcWceqwQGk",)"
      R"("y":"ADSmRA43Z1DSNx_RvcLI87cdL07l6jQyyBXMoxVg_l2Th-x3S1WDhjDly79ajL4Kkd0AZMaZmh9ubmf63e3kyMj2"})");
  const std::string token =
      "eyJhbGciOiJFUzUxMiJ9.UGF5bG9hZA.AdwMgeerwtHoh-l192l60hp9wAHZFVJbLfD_UxMi70cwnZOYaRI1bKPWROc-mZZqwqT2SI-"
      "KGDKB34XO0aw_7XdtAG8GaSwFKdCAPZgoXD2YBJZCPEX3xKpRwcdOO8KpEHwJjyqOgzDO7iKvU8vcnwNrmxYbSW9ERBXukOXolLzeO_Jn";
  const auto pem = public_key_of_jwk(key).value();
  CHECK(verify_jws(token, pem, "ES512").value() == "Payload");
  CHECK_FALSE(verify_jws(token, pem, "ES256").ok());
}

TEST_CASE("what is no key is refused") {
  const auto refused = [](const char* text) { return !public_key_of_jwk(*base::parse_json(text)).ok(); };
  CHECK(refused("{}"));
  CHECK(refused(R"({"kty":"oct","k":"AAAA"})"));
  CHECK(refused(R"({"kty":"RSA"})"));
  CHECK(refused(R"({"kty":"RSA","n":"AQAB","e":"AQAB"})"));
  CHECK(refused(R"({"kty":"EC","crv":"P-256","x":"AAAA","y":"AAAA"})"));
  CHECK(refused(R"({"kty":"EC","crv":"secp256k1","x":"AAAA","y":"AAAA"})"));
  CHECK_FALSE(jwt_header("a.b.c").ok());
  CHECK_FALSE(unverified_claims("").ok());
}

}  // namespace
}  // namespace crypto
