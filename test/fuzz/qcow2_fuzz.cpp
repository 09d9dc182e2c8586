// A whole file as a qcow2 image: its tables, then its stream in pieces.
#include <cstddef>
#include <cstdint>

#include "image/qcow2.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view file(reinterpret_cast<const char*>(data), size);
  const image::ReadRanges read =
      [&](const std::vector<image::FileRange>& ranges) -> base::Result<std::vector<std::string>> {
    std::vector<std::string> out;
    for (const auto& range : ranges) {
      if (range.offset > size || range.bytes > size - range.offset) __builtin_trap();  // the reader must have checked
      out.emplace_back(file.substr(static_cast<size_t>(range.offset), range.bytes));
    }
    return out;
  };
  auto map = image::read_qcow2_map(read, size, uint64_t{1} << 30);
  if (!map) return 0;
  const uint64_t disk_bytes = map->disk_bytes;
  uint64_t budget = uint64_t{64} << 20;  // a small file may stand for a lot
  const image::Sink sink = [&](uint64_t offset, std::string_view bytes) -> base::Result<void> {
    if (offset > disk_bytes || bytes.size() > disk_bytes - offset) __builtin_trap();
    if (bytes.size() > budget) return base::cancelled();
    budget -= bytes.size();
    return {};
  };
  const auto content = image::qcow2_content(std::move(*map));
  for (size_t at = 0; at < size; at += 1000) {
    content->feed(file.substr(at, 1000));
    for (bool more = true; more;) {
      const auto stepped = content->step(sink);
      if (!stepped) return 0;
      more = *stepped;
    }
  }
  if (!content->finish(sink)) __builtin_trap();  // the file has not changed
  return 0;
}
