#include "crypto/hash.h"

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <limits>

#include "base/check.h"

namespace crypto {
namespace {

constexpr size_t gcm_tag_size = 16;
constexpr size_t gcm_nonce_size = 12;

const unsigned char* data(std::string_view bytes) { return reinterpret_cast<const unsigned char*>(bytes.data()); }
unsigned char* data(std::string& bytes) { return reinterpret_cast<unsigned char*>(bytes.data()); }

int size(std::string_view bytes) {
  CHECK_THAT(bytes.size() <= static_cast<size_t>(std::numeric_limits<int>::max()), "OpenSSL counts in int");
  return static_cast<int>(bytes.size());
}

// Fetched once: an implicit fetch per call costs more than hashing a short message.
const EVP_MD* fetched(const char* name) {
  const EVP_MD* digest = EVP_MD_fetch(nullptr, name, nullptr);
  CHECK_THAT(digest, "OpenSSL lacks a digest of its default provider");
  return digest;
}
const EVP_MD* md5_algorithm() {
  static const EVP_MD* const digest = fetched("MD5");
  return digest;
}
const EVP_MD* sha1_algorithm() {
  static const EVP_MD* const digest = fetched("SHA1");
  return digest;
}
const EVP_MD* sha256_algorithm() {
  static const EVP_MD* const digest = fetched("SHA256");
  return digest;
}
const EVP_MD* sha512_algorithm() {
  static const EVP_MD* const digest = fetched("SHA512");
  return digest;
}

std::string digest_of(const EVP_MD* algorithm, std::string_view bytes) {
  std::string out(static_cast<size_t>(EVP_MD_get_size(algorithm)), '\0');
  CHECK_THAT(EVP_Digest(bytes.data(), bytes.size(), data(out), nullptr, algorithm, nullptr) == 1, "digest failed");
  return out;
}

std::string hmac_of(const EVP_MD* algorithm, std::string_view key, std::string_view bytes) {
  std::string out(static_cast<size_t>(EVP_MD_get_size(algorithm)), '\0');
  // An empty view may hold a null pointer, which HMAC() would take as "the key of last time".
  const char* key_bytes = key.empty() ? "" : key.data();
  CHECK_THAT(HMAC(algorithm, key_bytes, size(key), data(bytes), bytes.size(), data(out), nullptr), "HMAC failed");
  return out;
}

struct CipherFree {
  void operator()(EVP_CIPHER_CTX* context) const { EVP_CIPHER_CTX_free(context); }
};
using CipherContext = std::unique_ptr<EVP_CIPHER_CTX, CipherFree>;

CipherContext new_cipher() {
  CipherContext context(EVP_CIPHER_CTX_new());
  CHECK_THAT(context, "out of memory");
  return context;
}

// CBC over whole blocks; false only when OpenSSL fails, which sizes checked by the caller rule out.
bool cbc(bool encrypt, std::string_view key, std::string_view iv, std::string_view bytes, std::string& out) {
  CipherContext context = new_cipher();
  if (EVP_CipherInit_ex(context.get(), EVP_aes_128_cbc(), nullptr, data(key), data(iv), encrypt ? 1 : 0) != 1)
    return false;
  EVP_CIPHER_CTX_set_padding(context.get(), 0);
  out.assign(bytes.size(), '\0');
  int written = 0;
  int last = 0;
  return EVP_CipherUpdate(context.get(), data(out), &written, data(bytes), size(bytes)) == 1 &&
         EVP_CipherFinal_ex(context.get(), data(out) + written, &last) == 1;
}

bool start_gcm(EVP_CIPHER_CTX* context, bool encrypt, std::string_view key, std::string_view nonce,
               std::string_view aad) {
  if (EVP_CipherInit_ex(context, EVP_aes_256_gcm(), nullptr, data(key), data(nonce), encrypt ? 1 : 0) != 1)
    return false;
  int written = 0;
  return aad.empty() || EVP_CipherUpdate(context, nullptr, &written, data(aad), size(aad)) == 1;
}

}  // namespace

std::string md5(std::string_view bytes) { return digest_of(md5_algorithm(), bytes); }
std::string sha1(std::string_view bytes) { return digest_of(sha1_algorithm(), bytes); }
std::string sha256(std::string_view bytes) { return digest_of(sha256_algorithm(), bytes); }
std::string sha512(std::string_view bytes) { return digest_of(sha512_algorithm(), bytes); }
std::string hmac_md5(std::string_view key, std::string_view bytes) { return hmac_of(md5_algorithm(), key, bytes); }
std::string hmac_sha1(std::string_view key, std::string_view bytes) { return hmac_of(sha1_algorithm(), key, bytes); }
std::string hmac_sha256(std::string_view key, std::string_view bytes) {
  return hmac_of(sha256_algorithm(), key, bytes);
}

std::string aes128_cbc_encrypt(std::string_view key, std::string_view iv, std::string_view bytes) {
  CHECK_THAT(key.size() == 16 && iv.size() == 16, "AES-128-CBC takes a key and an iv of 16 bytes");
  CHECK_THAT(bytes.size() % 16 == 0, "AES-128-CBC without padding takes whole blocks");
  std::string out;
  CHECK_THAT(cbc(true, key, iv, bytes, out), "AES-128-CBC failed");
  return out;
}

base::Result<std::string> aes128_cbc_decrypt(std::string_view key, std::string_view iv, std::string_view bytes) {
  CHECK_THAT(key.size() == 16, "AES-128-CBC takes a key of 16 bytes");
  // iv and bytes come from the wire.
  if (iv.size() != 16 || bytes.size() % 16 != 0) return base::corrupt("ciphertext is not a whole number of blocks");
  std::string out;
  CHECK_THAT(cbc(false, key, iv, bytes, out), "AES-128-CBC failed");
  return out;
}

std::string aes256_gcm_seal(std::string_view key, std::string_view nonce, std::string_view plain,
                            std::string_view aad) {
  CHECK_THAT(key.size() == 32 && nonce.size() == gcm_nonce_size, "AES-256-GCM takes a 32-byte key, a 12-byte nonce");
  CipherContext context = new_cipher();
  CHECK_THAT(start_gcm(context.get(), true, key, nonce, aad), "AES-256-GCM failed");
  std::string out(plain.size() + gcm_tag_size, '\0');
  int written = 0;
  int last = 0;
  bool good = plain.empty() || EVP_CipherUpdate(context.get(), data(out), &written, data(plain), size(plain)) == 1;
  good = good && EVP_CipherFinal_ex(context.get(), data(out) + written, &last) == 1 &&
         EVP_CIPHER_CTX_ctrl(context.get(), EVP_CTRL_GCM_GET_TAG, gcm_tag_size, data(out) + plain.size()) == 1;
  CHECK_THAT(good, "AES-256-GCM failed");
  return out;
}

base::Result<std::string> aes256_gcm_open(std::string_view key, std::string_view nonce, std::string_view sealed,
                                          std::string_view aad) {
  CHECK_THAT(key.size() == 32, "AES-256-GCM takes a 32-byte key");
  if (nonce.size() != gcm_nonce_size || sealed.size() < gcm_tag_size)
    return base::corrupt("sealed text is shorter than its nonce and tag");
  std::string_view cipher = sealed.substr(0, sealed.size() - gcm_tag_size);
  std::string tag(sealed.substr(cipher.size()));
  CipherContext context = new_cipher();
  CHECK_THAT(start_gcm(context.get(), false, key, nonce, aad), "AES-256-GCM failed");
  std::string out(cipher.size(), '\0');
  int written = 0;
  int last = 0;
  bool good = cipher.empty() || EVP_CipherUpdate(context.get(), data(out), &written, data(cipher), size(cipher)) == 1;
  good = good && EVP_CIPHER_CTX_ctrl(context.get(), EVP_CTRL_GCM_SET_TAG, gcm_tag_size, data(tag)) == 1 &&
         EVP_CipherFinal_ex(context.get(), data(out) + written, &last) == 1;
  if (good) return out;
  ERR_clear_error();
  return base::corrupt("sealed text was changed, or sealed with another key");
}

struct Digest::State {
  const EVP_MD* algorithm;
  EVP_MD_CTX* context = EVP_MD_CTX_new();
  bool finished = false;

  explicit State(const EVP_MD* which) : algorithm(which) {
    CHECK_THAT(context && EVP_DigestInit_ex(context, which, nullptr) == 1, "digest failed");
  }
  State(const State&) = delete;
  State& operator=(const State&) = delete;
  ~State() { EVP_MD_CTX_free(context); }
};

Digest::Digest(std::unique_ptr<State> state) : state_(std::move(state)) {}
Digest::Digest(Digest&&) noexcept = default;
Digest& Digest::operator=(Digest&&) noexcept = default;
Digest::~Digest() = default;

base::Result<Digest> Digest::make(std::string_view algorithm) {
  const EVP_MD* which = algorithm == "md5"      ? md5_algorithm()
                        : algorithm == "sha1"   ? sha1_algorithm()
                        : algorithm == "sha256" ? sha256_algorithm()
                        : algorithm == "sha512" ? sha512_algorithm()
                                                : nullptr;
  if (!which)
    return base::invalid("unknown digest \"" + std::string(algorithm) + "\": use md5, sha1, sha256 or sha512");
  return Digest(std::make_unique<State>(which));
}

void Digest::update(std::string_view bytes) {
  CHECK_THAT(state_ && !state_->finished, "a digest is finished once");
  CHECK_THAT(EVP_DigestUpdate(state_->context, bytes.data(), bytes.size()) == 1, "digest failed");
}

std::string Digest::finish() {
  CHECK_THAT(state_ && !state_->finished, "a digest is finished once");
  state_->finished = true;
  std::string out(static_cast<size_t>(EVP_MD_get_size(state_->algorithm)), '\0');
  CHECK_THAT(EVP_DigestFinal_ex(state_->context, data(out), nullptr) == 1, "digest failed");
  return out;
}

}  // namespace crypto
