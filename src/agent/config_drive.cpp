#include "agent/config_drive.h"

#include "agent/disk_layout.h"
#include "agent/partition_table.h"
#include "base/text.h"
#include "wire/gzip.h"

namespace agent {

using base::Code;
using base::Error;
using base::Layer;
using base::Result;

Result<std::string> decode_config_drive(std::string_view text) {
  if (text.size() > config_drive_bytes * 2) {
    return Error{Code::too_large, "the config drive is larger than 64 MiB", Layer::agent};
  }
  auto bytes = base::unbase64(base::trim(text));
  if (!bytes) return Error{Code::invalid, "the config drive is not base64", Layer::agent};
  if (bytes->substr(0, 2) != std::string_view("\x1f\x8b", 2)) return std::move(*bytes);
  auto iso = wire::gunzip(*bytes, config_drive_bytes);
  if (!iso) return std::move(iso).error().context("the config drive").at(Layer::agent);
  return iso;
}

Result<void> write_config_drive(sys::File& disk, std::string_view iso, sys::Random& random) {
  ConfigPartition place{config_drive_offset(disk.size()), config_drive_bytes};
  if (const auto partition = TRY(add_config_partition(disk, random))) place = *partition;
  if (iso.size() > place.bytes) {
    return Error{Code::too_large,
                 "the config drive has " + std::to_string(iso.size()) + " bytes, more than its place of " +
                     std::to_string(place.bytes),
                 Layer::agent};
  }
  TRY(disk.write_at(place.offset, iso));
  return disk.sync();
}

}  // namespace agent
