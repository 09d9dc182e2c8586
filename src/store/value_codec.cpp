#include "store/value_codec.h"

#include <zstd.h>

#include <algorithm>
#include <memory>

namespace store {
namespace {

constexpr char plain = 'j', compressed = 'z', sealed = 's';
constexpr int compression_level = 1;
constexpr size_t room_kept_max = 256u << 10;
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

std::string pack_value(const std::string& doc, size_t from_bytes) {
  if (doc.size() < from_bytes) return plain + doc;
  // Making the tables anew takes longer than filling them.
  thread_local const std::unique_ptr<ZSTD_CCtx, decltype(&ZSTD_freeCCtx)> context(ZSTD_createCCtx(), ZSTD_freeCCtx);
  thread_local std::string room;
  room.resize(std::max(room.size(), ZSTD_compressBound(doc.size())));
  const size_t size =
      ZSTD_compressCCtx(context.get(), room.data(), room.size(), doc.data(), doc.size(), compression_level);
  const bool smaller = !ZSTD_isError(size) && size < doc.size();
  std::string out = smaller ? compressed + room.substr(0, size) : plain + doc;
  if (room.size() > room_kept_max) std::string().swap(room);
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
