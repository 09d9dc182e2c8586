// Encryption at rest: AES-256-GCM with keys from a key file. A sealed value names its key, so a new key can be put in
// front while old values stay readable until they are written again.
//
// Sealed value: key id (4 bytes, big endian), nonce (12), ciphertext and tag. Key file: one line per key,
// "<id in 8 hex digits> <key in base64>", the first for new values.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "sys/sys.h"

namespace store {

class Sealer {
 public:
  static base::Result<Sealer> parse(std::string_view key_file);
  static Sealer generate(sys::Random& random);  // one new key
  std::string key_file() const;
  // Key rotation: a new key in front, for new values; and without all but the first.
  Sealer with_new_key(sys::Random& random) const;
  Sealer newest_only() const;
  uint32_t newest() const { return keys_.front().id; }
  size_t keys() const { return keys_.size(); }

  // `bound_to` (what the value belongs to) must be the same when opening: a value copied elsewhere does not open.
  // The nonce is random: good for 2^32 values per key (NIST SP 800-38D section 8.3).
  std::string seal(sys::Random& random, std::string_view plain, std::string_view bound_to) const;
  // corrupt when it was changed, not_found when its key is missing.
  base::Result<std::string> open(std::string_view sealed, std::string_view bound_to) const;
  static std::optional<uint32_t> key_of(std::string_view sealed);  // its id; nullopt when cut short

 private:
  struct Key {
    uint32_t id;
    std::string bytes;
  };
  std::vector<Key> keys_;
};

}  // namespace store
