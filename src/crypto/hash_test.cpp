#include "crypto/hash.h"

#include <doctest/doctest.h>

#include "base/text.h"

namespace crypto {
namespace {

std::string bytes(std::string_view digits) { return base::unhex(digits).value(); }

TEST_CASE("digests of FIPS 180 and RFC 1321") {
  CHECK(base::hex(md5("abc")) == "900150983cd24fb0d6963f7d28e17f72");
  CHECK(base::hex(md5("")) == "d41d8cd98f00b204e9800998ecf8427e");
  CHECK(base::hex(sha1("abc")) == "a9993e364706816aba3e25717850c26c9cd0d89d");
  CHECK(base::hex(sha256("abc")) == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  CHECK(base::hex(sha256({})) == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  CHECK(base::hex(sha512("abc")) ==
        "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a"
        "2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f");
}

TEST_CASE("message authentication codes of RFC 4231 and RFC 2202") {
  struct {
    std::string key, text;
    std::string_view mac;
  } rows[] = {
      {std::string(20, '\x0b'), "Hi There", "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7"},
      {"Jefe", "what do ya want for nothing?", "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"},
      {std::string(20, '\xaa'), std::string(50, '\xdd'),
       "773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe"},
      {std::string(131, '\xaa'), "Test Using Larger Than Block-Size Key - Hash Key First",
       "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54"},
  };
  for (const auto& row : rows) CHECK(base::hex(hmac_sha256(row.key, row.text)) == row.mac);
  CHECK(base::hex(hmac_md5("Jefe", "what do ya want for nothing?")) == "750c783e6ab0b503eaa86e310a5db738");
  CHECK(base::hex(hmac_sha1("Jefe", "what do ya want for nothing?")) == "effcdf6ae5eb2fa2d27416d5f184df9c259a7c79");
  CHECK(base::hex(hmac_sha256({}, {})) == "b613679a0814d9ec772f95d778c35fc5ff1697c493715653c6c712144292c5ad");
}

TEST_CASE("AES-128-CBC of SP 800-38A F.2.1") {
  std::string key = bytes("2b7e151628aed2a6abf7158809cf4f3c");
  std::string iv = bytes("000102030405060708090a0b0c0d0e0f");
  std::string plain = bytes("6bc1bee22e409f96e93d7e117393172aae2d8a571e03ac9c9eb76fac45af8e51");
  std::string sealed = aes128_cbc_encrypt(key, iv, plain);
  CHECK(base::hex(sealed) == "7649abac8119b246cee98e9b12e9197d5086cb9b507219ee95db113a917678b2");
  CHECK(aes128_cbc_decrypt(key, iv, sealed).value() == plain);
  CHECK(aes128_cbc_decrypt(key, iv, "").value().empty());
  CHECK(aes128_cbc_decrypt(key, iv, sealed.substr(1)).error().code == base::Code::corrupt);
  CHECK(aes128_cbc_decrypt(key, "short", sealed).error().code == base::Code::corrupt);
}

TEST_CASE("AES-256-GCM of the NIST submission, cases 13 to 16") {
  struct {
    std::string_view key, nonce, plain, aad, sealed;
  } rows[] = {
      {"0000000000000000000000000000000000000000000000000000000000000000", "000000000000000000000000", "", "",
       "530f8afbc74536b9a963b4f1c4cb738b"},
      {"0000000000000000000000000000000000000000000000000000000000000000", "000000000000000000000000",
       "00000000000000000000000000000000", "", "cea7403d4d606b6e074ec5d3baf39d18d0d1c8a799996bf0265b98b5d48ab919"},
      {"feffe9928665731c6d6a8f9467308308feffe9928665731c6d6a8f9467308308", "cafebabefacedbaddecaf888",
       "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a721c3c0c95956809532fcf0e2449a6b525"
       "b16aedf5aa0de657ba637b39",
       "feedfacedeadbeeffeedfacedeadbeefabaddad2",
       "522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa8cb08e48590dbb3da7b08b1056828838"
       "c5f61e6393ba7a0abcc9f66276fc6ece0f4e1768cddf8853bb2d551b"},
  };
  for (const auto& row : rows) {
    std::string sealed = aes256_gcm_seal(bytes(row.key), bytes(row.nonce), bytes(row.plain), bytes(row.aad));
    CHECK(base::hex(sealed) == row.sealed);
    CHECK(aes256_gcm_open(bytes(row.key), bytes(row.nonce), sealed, bytes(row.aad)).value() == bytes(row.plain));
    CHECK(aes256_gcm_open(bytes(row.key), bytes(row.nonce), sealed, "other").error().code == base::Code::corrupt);
    sealed.back() = static_cast<char>(sealed.back() ^ 1);
    CHECK(aes256_gcm_open(bytes(row.key), bytes(row.nonce), sealed, bytes(row.aad)).error().code ==
          base::Code::corrupt);
  }
  CHECK(aes256_gcm_open(std::string(32, 'k'), std::string(12, 'n'), "short", "").error().code == base::Code::corrupt);
}

TEST_CASE("a stream digest equals the digest of the whole") {
  for (std::string_view algorithm : {"md5", "sha1", "sha256", "sha512"}) {
    auto digest = Digest::make(algorithm).value();
    std::string whole;
    for (int i = 0; i < 100; ++i) {
      std::string piece(static_cast<size_t>(i), static_cast<char>(i));
      digest.update(piece);
      whole += piece;
    }
    std::string expected = algorithm == "md5"      ? md5(whole)
                           : algorithm == "sha1"   ? sha1(whole)
                           : algorithm == "sha256" ? sha256(whole)
                                                   : sha512(whole);
    CHECK(digest.finish() == expected);
  }
  CHECK(Digest::make("crc32").error().code == base::Code::invalid);
}

}  // namespace
}  // namespace crypto
