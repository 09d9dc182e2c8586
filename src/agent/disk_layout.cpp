#include "agent/disk_layout.h"

#include <string_view>

namespace agent {

using base::Json;
using base::Result;

Result<Json> read_install_record(sys::File& disk) {
  if (disk.size() < disk_bytes_min) return Json();
  const std::string block = TRY(disk.read_at(record_offset(disk.size()), record_bytes));
  const size_t end = block.find('\0');
  if (block.empty() || block[0] != '{' || end == std::string::npos) return Json();
  auto record = base::parse_json(std::string_view(block).substr(0, end));
  return record ? std::move(record).value() : Json();
}

Result<void> write_install_record(sys::File& disk, const Json& record) {
  std::string block = record.dump();
  if (block.size() >= record_bytes) return base::invalid("the install record does not fit its block");
  block.resize(record_bytes, '\0');
  return disk.write_at(record_offset(disk.size()), block);
}

Result<std::string> boot_sector_format(sys::File& disk) {
  const std::string head = TRY(disk.read_at(0, 512));
  if (head.size() == 512 && head.substr(510) == std::string_view("\x55\xaa", 2)) return std::string("raw");
  return std::string();
}

Result<void> erase_metadata(sys::File& disk) {
  if (disk.size() < disk_bytes_min) return disk.zero(0, disk.size());
  TRY(disk.zero(0, head_bytes));
  TRY(disk.zero(record_offset(disk.size()), record_bytes + head_bytes));
  TRY(disk.zero(disk.size() - head_bytes, head_bytes));
  return disk.sync();
}

}  // namespace agent
