// Digests, MACs and ciphers over byte strings. OpenSSL stays in the .cpp.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "base/result.h"

namespace crypto {

std::string md5(std::string_view bytes);  // raw digests; see base::hex
std::string sha1(std::string_view bytes);
std::string sha256(std::string_view bytes);
std::string sha512(std::string_view bytes);
std::string hmac_md5(std::string_view key, std::string_view bytes);
std::string hmac_sha1(std::string_view key, std::string_view bytes);
std::string hmac_sha256(std::string_view key, std::string_view bytes);

// AES-128-CBC without padding: `bytes` must be a multiple of 16, key and iv 16 bytes (IPMI 2.0 13.29).
std::string aes128_cbc_encrypt(std::string_view key, std::string_view iv, std::string_view bytes);
base::Result<std::string> aes128_cbc_decrypt(std::string_view key, std::string_view iv, std::string_view bytes);

// AES-256-GCM: key 32 bytes, nonce 12 bytes; seal appends the 16-byte tag. Opening a forgery is Code::corrupt.
std::string aes256_gcm_seal(std::string_view key, std::string_view nonce, std::string_view plain, std::string_view aad);
base::Result<std::string> aes256_gcm_open(std::string_view key, std::string_view nonce, std::string_view sealed,
                                          std::string_view aad);

// Digest of a stream: md5, sha1, sha256 or sha512 by name.
class Digest {
 public:
  static base::Result<Digest> make(std::string_view algorithm);
  Digest(Digest&&) noexcept;
  Digest& operator=(Digest&&) noexcept;
  ~Digest();
  void update(std::string_view bytes);
  std::string finish();  // raw; once

 private:
  struct State;
  explicit Digest(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace crypto
