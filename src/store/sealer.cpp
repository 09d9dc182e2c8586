#include "store/sealer.h"

#include <algorithm>

#include "base/text.h"
#include "crypto/hash.h"

namespace store {
namespace {

constexpr size_t id_bytes = 4, nonce_bytes = 12, key_bytes = 32, keys_max = 64;

std::string id_text(uint32_t id) {
  std::string out;
  for (int shift = 24; shift >= 0; shift -= 8) out += static_cast<char>(id >> shift & 255);
  return out;
}

uint32_t id_of(std::string_view bytes) {
  uint32_t id = 0;
  for (size_t i = 0; i < id_bytes; ++i) id = id << 8 | static_cast<unsigned char>(bytes[i]);
  return id;
}

}  // namespace

base::Result<Sealer> Sealer::parse(std::string_view key_file) {
  Sealer sealer;
  for (const auto line : base::split(key_file, '\n')) {
    if (base::trim(line).empty()) continue;
    const auto parts = base::split(base::trim(line), ' ');
    const auto id = parts.size() == 2 ? base::unhex(parts[0]) : std::nullopt;
    const auto key = parts.size() == 2 ? base::unbase64(parts[1]) : std::nullopt;
    if (!id || id->size() != id_bytes || !key || key->size() != key_bytes || sealer.keys_.size() == keys_max) {
      return base::corrupt("a line of the key file is not \"<8 hex digits> <32 bytes in base64>\"");
    }
    sealer.keys_.push_back({id_of(*id), *key});
  }
  if (sealer.keys_.empty()) return base::corrupt("the key file holds no key");
  return sealer;
}

Sealer Sealer::generate(sys::Random& random) {
  Sealer sealer;
  sealer.keys_.push_back({static_cast<uint32_t>(random.next()), random.bytes(key_bytes)});
  return sealer;
}

Sealer Sealer::with_new_key(sys::Random& random) const {
  Sealer out;
  Key made{0, random.bytes(key_bytes)};
  do {
    made.id = static_cast<uint32_t>(random.next());
  } while (std::any_of(keys_.begin(), keys_.end(), [&](const Key& key) { return key.id == made.id; }));
  out.keys_.push_back(std::move(made));
  out.keys_.insert(out.keys_.end(), keys_.begin(), keys_.end());
  return out;
}

Sealer Sealer::newest_only() const {
  Sealer out;
  out.keys_.push_back(keys_.front());
  return out;
}

std::optional<uint32_t> Sealer::key_of(std::string_view sealed) {
  if (sealed.size() < id_bytes) return std::nullopt;
  return id_of(sealed);
}

std::string Sealer::key_file() const {
  std::string out;
  for (const auto& key : keys_) out += base::hex(id_text(key.id)) + ' ' + base::base64(key.bytes) + '\n';
  return out;
}

std::string Sealer::seal(sys::Random& random, std::string_view plain, std::string_view bound_to) const {
  const auto& key = keys_.front();
  const std::string nonce = random.bytes(nonce_bytes);
  return id_text(key.id) + nonce + crypto::aes256_gcm_seal(key.bytes, nonce, plain, bound_to);
}

base::Result<std::string> Sealer::open(std::string_view sealed, std::string_view bound_to) const {
  if (sealed.size() < id_bytes + nonce_bytes) return base::corrupt("an encrypted value is cut short");
  const uint32_t id = id_of(sealed);
  for (const auto& key : keys_) {
    if (key.id != id) continue;
    return crypto::aes256_gcm_open(key.bytes, sealed.substr(id_bytes, nonce_bytes),
                                   sealed.substr(id_bytes + nonce_bytes), bound_to);
  }
  return base::not_found("encryption key " + base::hex(id_text(id)) + " is missing");
}

}  // namespace store
