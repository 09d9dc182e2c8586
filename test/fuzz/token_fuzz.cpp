// Bearer tokens, the keys that providers publish, and the file of tokens: all written by others.
//   clang++ -std=c++20 -fsanitize=fuzzer,address -Isrc test/fuzz/token_fuzz.cpp ... libingot_server.a ...
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "crypto/jwk.h"
#include "server/audit_policy.h"
#include "server/token_lists.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  (void)crypto::jwt_header(text);
  (void)crypto::unverified_claims(text);
  if (const auto json = base::parse_json(text)) {
    const auto pem = crypto::public_key_of_jwk(*json);
    // What was read can be written again.
    if (pem && !crypto::jwk_of(*pem)) __builtin_trap();
  }
  (void)server::StaticTokens::parse(text);
  (void)server::AuditPolicy::parse(text);
  return 0;
}
