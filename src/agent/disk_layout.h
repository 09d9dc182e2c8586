// Where the agent puts things on the root disk. The image's bytes start at 0; the config drive (ISO 9660, label
// config-2) takes the last 64 MiB, as Ironic's agent places its partition; the block before it records what was
// written.
#pragma once

#include <cstdint>
#include <string>

#include "base/json.h"
#include "sys/sys.h"

namespace agent {

constexpr uint64_t config_drive_bytes = 64u << 20;
constexpr uint64_t record_bytes = 4096;
constexpr uint64_t head_bytes = 1u << 20;        // cleared by a metadata erase, and the most a boot sector needs
constexpr uint64_t disk_bytes_min = 128u << 20;  // smaller ones cannot hold an image and a config drive

inline uint64_t config_drive_offset(uint64_t disk_bytes) { return disk_bytes - config_drive_bytes; }
inline uint64_t record_offset(uint64_t disk_bytes) { return config_drive_offset(disk_bytes) - record_bytes; }

// What is installed: {"format","bytes","checksum","image"}; null when nothing readable is there.
base::Result<base::Json> read_install_record(sys::File& disk);
base::Result<void> write_install_record(sys::File& disk, const base::Json& record);

// "raw" (an MBR or GPT boot sector) or "" for a disk that firmware finds nothing bootable on.
base::Result<std::string> boot_sector_format(sys::File& disk);

// Destroys everything that makes a disk bootable or names a file system: head, record, config drive head and tail.
base::Result<void> erase_metadata(sys::File& disk);

}  // namespace agent
