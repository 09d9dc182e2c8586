// JSON web keys (RFC 7517) and the signatures of tokens that others issue (RFC 7515, algorithms of RFC 7518).
#pragma once

#include <string>
#include <vector>

#include "base/json.h"

namespace crypto {

// "-----BEGIN PUBLIC KEY-----" of a key of type RSA, or EC on P-256, P-384 or P-521. unsupported for others, invalid
// for numbers that make no key.
base::Result<std::string> public_key_of_jwk(const base::Json& key);
// kty and the key's numbers; the caller adds kid, alg and use. Errors as above.
base::Result<base::Json> jwk_of(std::string_view public_key_pem);

struct JwtHeader {
  std::string algorithm, key_id;  // "" when absent
};
// Says nothing about whether the signature is good.
base::Result<JwtHeader> jwt_header(std::string_view token);
base::Result<base::Json> unverified_claims(std::string_view token);

// RS256, RS384, RS512, PS256, PS384, PS512, ES256, ES384 or ES512: the caller, not the token, says which it may be.
// The payload, or unauthenticated with a reason that does not quote the token.
base::Result<std::string> verify_jws(std::string_view token, std::string_view public_key_pem,
                                     std::string_view algorithm);

}  // namespace crypto
