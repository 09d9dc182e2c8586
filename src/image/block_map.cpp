#include "image/block_map.h"

#include <zstd.h>

#include <algorithm>
#include <cstring>

#include "base/check.h"
#include "base/text.h"
#include "crypto/hash.h"
#include "wire/little_endian.h"

namespace image {

using base::Code;
using base::Error;
using base::Result;
using wire::append_le;
using wire::load_le;

namespace {

constexpr std::string_view magic = "INGOTMAP";
constexpr size_t header_bytes = 32, entry_bytes = 40;
constexpr uint32_t block_bytes_min = 64u << 10, block_bytes_max = 4u << 20;
constexpr int level = 3;

Error broken(const std::string& what) { return base::corrupt("the block map is broken: " + what); }

class Blocks : public Content {
 public:
  Blocks(uint64_t limit, std::string map_sha256) : limit_(limit), map_sha256_(std::move(map_sha256)) {}
  void feed(std::string_view bytes) override { in_ = bytes; }

  Result<bool> step(const Sink& sink) override {
    if (!have_map_ && !TRY(read_map())) return false;
    size_t given = 0;
    while (next_ < map_.entries.size() && given < step_bytes) {
      const auto& entry = map_.entries[next_];
      const bool whole = window_.empty() && in_.size() >= entry.stored_bytes;
      if (!whole && !gather(entry.stored_bytes)) break;
      TRY(sink(uint64_t{entry.number} * map_.block_bytes, whole ? in_.substr(0, entry.stored_bytes) : window_));
      whole ? in_.remove_prefix(entry.stored_bytes) : window_.clear();
      given += entry.stored_bytes;
      ++next_;
    }
    if (next_ == map_.entries.size() && !in_.empty()) return broken("there is something behind its end");
    return given >= step_bytes;
  }
  Result<void> finish(const Sink&) override {
    if (!have_map_ || next_ != map_.entries.size()) return base::corrupt("the block map ends too early");
    return {};
  }
  uint64_t bytes() const override { return map_.disk_bytes; }
  bool packed() const override { return true; }

  size_t unpacked_bytes(uint64_t offset) const override {
    return static_cast<size_t>(std::min<uint64_t>(map_.block_bytes, map_.disk_bytes - offset));
  }
  Result<void> unpack(uint64_t offset, std::string_view stored, char* out) const override {
    const auto number = static_cast<uint32_t>(offset / map_.block_bytes);
    const auto entry = std::lower_bound(map_.entries.begin(), map_.entries.end(), number,
                                        [](const auto& one, uint32_t wanted) { return one.number < wanted; });
    CHECK_THAT(entry != map_.entries.end() && entry->number == number, "not a block of this map");
    const size_t whole = unpacked_bytes(offset);
    const size_t bytes = ZSTD_decompress(out, whole, stored.data(), stored.size());
    if (ZSTD_isError(bytes) || bytes != whole) return broken("a block cannot be unpacked");
    if (crypto::sha256({out, whole}) != std::string_view(entry->sha256.data(), entry->sha256.size())) {
      return broken("a block has another digest than the map says");
    }
    return {};
  }

 private:
  // Whether so many bytes are in the window; what it lacks comes out of what was fed.
  bool gather(size_t bytes) {
    const size_t part = std::min(bytes - window_.size(), in_.size());
    window_.append(in_.substr(0, part));
    in_.remove_prefix(part);
    return window_.size() == bytes;
  }

  // False: more is needed.
  Result<bool> read_map() {
    if (window_.size() < header_bytes && !gather(header_bytes)) return false;
    if (std::string_view(window_).substr(0, magic.size()) != magic) return broken("its mark");
    const uint64_t version = load_le(window_, 8, 4), count = load_le(window_, 24, 4);
    if (version != 2) return Error{Code::unsupported, "the block map has version " + std::to_string(version)};
    map_.block_bytes = static_cast<uint32_t>(load_le(window_, 12, 4));
    const bool power = (map_.block_bytes & (map_.block_bytes - 1)) == 0;
    if (!power || map_.block_bytes < block_bytes_min || map_.block_bytes > block_bytes_max) return broken("block size");
    if (count > block_map_count_max) return broken("too many blocks");
    map_.disk_bytes = load_le(window_, 16, 8);
    if (map_.disk_bytes > limit_) {
      return Error{Code::too_large, "the image is of a disk of " + std::to_string(map_.disk_bytes) +
                                        " bytes, and there is room for " + std::to_string(limit_)};
    }
    if (!gather(header_bytes + count * entry_bytes)) return false;
    const std::string sum = base::hex(crypto::sha256(window_));
    if (!map_sha256_.empty() && sum != map_sha256_) {
      return base::corrupt("the block map has sha256 " + sum + ", expected " + map_sha256_);
    }
    for (size_t i = 0; i < count; ++i)
      TRY(read_entry(std::string_view(window_).substr(header_bytes + i * entry_bytes)));
    std::string().swap(window_);
    have_map_ = true;
    return true;
  }

  Result<void> read_entry(std::string_view bytes) {
    BlockMap::Entry entry;
    entry.number = static_cast<uint32_t>(load_le(bytes, 0, 4));
    entry.stored_bytes = static_cast<uint32_t>(load_le(bytes, 4, 4));
    std::memcpy(entry.sha256.data(), bytes.data() + 8, entry.sha256.size());
    const bool ascends = map_.entries.empty() || map_.entries.back().number < entry.number;
    const bool inside = uint64_t{entry.number} * map_.block_bytes < map_.disk_bytes;
    const bool sane = entry.stored_bytes != 0 && entry.stored_bytes <= ZSTD_compressBound(map_.block_bytes);
    if (!ascends || !inside || !sane) return broken("an entry");
    map_.entries.push_back(entry);
    return {};
  }

  uint64_t limit_;
  std::string map_sha256_;
  BlockMap map_;
  std::string_view in_;
  std::string window_;  // the beginning of what was fed in parts
  size_t next_ = 0;
  bool have_map_ = false;
};

}  // namespace

Result<std::string> BlockMap::dump() const {
  if (entries.size() > block_map_count_max) {
    return Error{Code::too_large, "the image uses more than " + std::to_string(block_map_count_max) + " blocks"};
  }
  std::string out(magic);
  append_le(out, 2, 4);
  append_le(out, block_bytes, 4);
  append_le(out, disk_bytes, 8);
  append_le(out, entries.size(), 4);
  append_le(out, 0, 4);
  for (const auto& entry : entries) {
    append_le(out, entry.number, 4);
    append_le(out, entry.stored_bytes, 4);
    out.append(entry.sha256.data(), entry.sha256.size());
  }
  return out;
}

std::optional<PackedBlock> pack_block(uint32_t number, std::string_view bytes) {
  if (bytes.find_first_not_of('\0') == std::string_view::npos) return std::nullopt;
  PackedBlock out;
  const std::string sum = crypto::sha256(bytes);
  std::copy(sum.begin(), sum.end(), out.entry.sha256.begin());
  out.stored.resize(ZSTD_compressBound(bytes.size()));
  const size_t stored = ZSTD_compress(out.stored.data(), out.stored.size(), bytes.data(), bytes.size(), level);
  CHECK_THAT(!ZSTD_isError(stored), "zstd cannot compress");
  out.stored.resize(stored);
  out.entry.number = number;
  out.entry.stored_bytes = static_cast<uint32_t>(stored);
  return out;
}

std::unique_ptr<Content> block_map_content(uint64_t limit, std::string map_sha256) {
  return std::make_unique<Blocks>(limit, std::move(map_sha256));
}

}  // namespace image
