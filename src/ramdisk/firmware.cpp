#include "ramdisk/firmware.h"

#include <zstd.h>

#include <algorithm>

namespace ramdisk {

using base::Result;

namespace {

constexpr size_t file_bytes_max = 64u << 20;
constexpr size_t header_bytes = 512;  // of the archive around a file, generously
constexpr int quick_level = 3;        // the archive is packed better, so what fits by this one fits

uint64_t packed_bytes(std::string_view bytes) {
  std::string out(ZSTD_compressBound(bytes.size()), '\0');
  const size_t size = ZSTD_compress(out.data(), out.size(), bytes.data(), bytes.size(), quick_level);
  return ZSTD_isError(size) != 0 ? bytes.size() : size;
}

}  // namespace

std::set<std::string> firmware_of(std::string_view module) {
  constexpr std::string_view key("\0firmware=", 10);
  std::set<std::string> out;
  for (size_t at = module.find(key); at != std::string_view::npos; at = module.find(key, at)) {
    at += key.size();
    const std::string name(module.substr(at, module.find('\0', at) - at));
    if (!name.empty() && name.size() < 200 && name[0] != '/' && name.find("..") == std::string::npos) out.insert(name);
  }
  return out;
}

Result<FirmwareChoice> choose_firmware(sys::Disk& disk, const std::string& folder, const std::set<std::string>& names,
                                       uint64_t bytes_max) {
  struct Candidate {
    uint64_t packed;
    std::string path, bytes;
  };
  std::vector<Candidate> candidates;
  for (const auto& name : names) {
    for (const char* suffix : {"", ".zst", ".xz"}) {
      const std::string path = name + suffix;
      if (!disk.exists(folder + "/" + path)) continue;
      std::string bytes = TRY(disk.read(folder + "/" + path, file_bytes_max));
      const uint64_t packed = packed_bytes(bytes) + header_bytes;
      candidates.push_back({packed, path, std::move(bytes)});
      break;
    }
  }
  std::stable_sort(candidates.begin(), candidates.end(),
                   [](const auto& a, const auto& b) { return a.packed < b.packed; });
  FirmwareChoice out;
  uint64_t used = 0;
  for (auto& one : candidates) {
    if (used + one.packed > bytes_max) {
      out.no_room.push_back(one.path);
      continue;
    }
    used += one.packed;
    out.files[one.path] = std::move(one.bytes);
  }
  return out;
}

}  // namespace ramdisk
