// A disk image in blocks of which only the used ones are there, each compressed on its own (zstd) and with its SHA-256:
// what the manager's image cache gives to hosts. Our own format, all numbers little-endian:
//
//   0  "INGOTMAP"
//   8  u32 version (2), u32 block_bytes (a power of two, 64 KiB to 4 MiB), u64 disk_bytes, u32 count, u32 zero
//  32  count entries of 40 bytes, by number: u32 number, u32 stored_bytes, SHA-256 of the block as it is on the disk
//      then the stored blocks in the same order
//
// Block `number` covers [number * block_bytes, + block_bytes) of the disk, the last one up to disk_bytes.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "image/content.h"

namespace image {

constexpr uint32_t block_map_block_bytes = 256u << 10;  // of maps that we make
constexpr uint32_t block_map_count_max = 1u << 20;

struct BlockMap {
  struct Entry {
    uint32_t number = 0, stored_bytes = 0;
    std::array<char, 32> sha256{};
  };
  uint64_t disk_bytes = 0;
  uint32_t block_bytes = block_map_block_bytes;
  std::vector<Entry> entries;  // by number
  // The bytes before the stored blocks. Errors: too_large (more than block_map_count_max entries).
  base::Result<std::string> dump() const;
};

struct PackedBlock {
  BlockMap::Entry entry;
  std::string stored;
};
// Nullopt for a block of zeros: it has no place in a map. Heavy; any thread.
std::optional<PackedBlock> pack_block(uint32_t number, std::string_view bytes);

// Gives packed blocks: see Content::packed(). Errors: corrupt, too_large (the disk is larger than `limit`).
// `map_sha256`, hex: of the bytes before the stored blocks, which vouch for all blocks; nothing of a map that has another
// is believed. Empty: not compared.
std::unique_ptr<Content> block_map_content(uint64_t limit, std::string map_sha256);

}  // namespace image
