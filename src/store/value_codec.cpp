#include "store/value_codec.h"

#include <zstd.h>

namespace store {
namespace {

constexpr char plain = 'j', compressed = 'z', sealed = 's';
constexpr size_t compress_from_bytes = 1024;
constexpr int compression_level = 1;
constexpr size_t value_bytes_max = 64u << 20;

// A value opens only as this version of this object.
std::string bound_to(const Key& key, uint64_t revision) { return key.text() + '@' + std::to_string(revision); }

Result<std::string> decompress(std::string_view bytes) {
  const auto size = ZSTD_getFrameContentSize(bytes.data(), bytes.size());
  if (size == ZSTD_CONTENTSIZE_ERROR || size == ZSTD_CONTENTSIZE_UNKNOWN || size > value_bytes_max) {
    return base::corrupt("a compressed value has no sensible size");
  }
  std::string out(size, '\0');
  const size_t got = ZSTD_decompress(out.data(), out.size(), bytes.data(), bytes.size());
  if (ZSTD_isError(got) || got != out.size()) return base::corrupt("a compressed value does not decompress");
  return out;
}

}  // namespace

bool is_confidential(std::string_view resource) { return resource == "secrets"; }

std::string seal_value(const Record& record, const Sealer& sealer, sys::Random& random) {
  if (!is_confidential(record.key.resource) || record.doc.empty()) return {};
  return sealed + sealer.seal(random, record.doc, bound_to(record.key, record.revision));
}

std::string pack_value(const std::string& doc) {
  if (doc.size() < compress_from_bytes) return plain + doc;
  std::string out(1 + ZSTD_compressBound(doc.size()), compressed);
  const size_t size = ZSTD_compress(out.data() + 1, out.size() - 1, doc.data(), doc.size(), compression_level);
  if (ZSTD_isError(size) || size >= doc.size()) return plain + doc;
  out.resize(1 + size);
  return out;
}

Result<std::string> unpack_value(const Key& key, uint64_t revision, std::string_view value, const Sealer* sealer) {
  if (value.empty()) return base::corrupt("a stored value is empty");
  const auto body = value.substr(1);
  switch (value.front()) {
    case plain:
      return std::string(body);
    case compressed:
      return decompress(body);
    case sealed:
      if (!sealer) return base::not_found("the key file is missing");
      return sealer->open(body, bound_to(key, revision));
    default:
      return base::corrupt("a stored value is of an unknown sort");
  }
}

std::optional<uint32_t> key_of_value(std::string_view value) {
  if (value.empty() || value.front() != sealed) return std::nullopt;
  return Sealer::key_of(value.substr(1));
}

}  // namespace store
