// Any bytes as an image: what they are, and what comes out of them when they are taken as gzip and as zstd.
#include <cstddef>
#include <cstdint>

#include "image/block_map.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  constexpr uint64_t limit = uint64_t{32} << 20;
  const std::string_view file(reinterpret_cast<const char*>(data), size);
  (void)image::detect(file);
  for (const auto make : {image::raw_content, image::gzip_content, image::zstd_content}) {
    uint64_t next = 0;
    const image::Sink sink = [&](uint64_t offset, std::string_view bytes) -> base::Result<void> {
      if (offset != next || offset + bytes.size() > limit) __builtin_trap();
      next += bytes.size();
      return {};
    };
    const auto content = make(limit);
    bool good = true;
    for (size_t at = 0; good && at < size; at += 777) {
      content->feed(file.substr(at, 777));
      for (bool more = true; good && more;) {
        const auto stepped = content->step(sink);
        good = stepped.ok();
        more = good && *stepped;
      }
    }
    if (good) (void)content->finish(sink);
  }
  const auto map = image::block_map_content(limit, "");
  uint64_t budget = uint64_t{64} << 20;
  const image::Sink unpack = [&](uint64_t offset, std::string_view stored) -> base::Result<void> {
    if (offset >= limit) __builtin_trap();
    std::string block(map->unpacked_bytes(offset), '\0');
    if (offset + block.size() > limit) __builtin_trap();
    if (block.size() > budget) return base::cancelled();
    budget -= block.size();
    return map->unpack(offset, stored, block.data());
  };
  map->feed(file);
  for (bool more = true; more;) {
    const auto stepped = map->step(unpack);
    if (!stepped) return 0;
    more = *stepped;
  }
  (void)map->finish(unpack);
  return 0;
}
