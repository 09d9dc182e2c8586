#include "agent/config_drive.h"

#include <zlib.h>

#include "agent/disk_layout.h"
#include "agent/partition_table.h"
#include "base/text.h"

namespace agent {

using base::Code;
using base::Error;
using base::Layer;
using base::Result;

namespace {

Result<std::string> gunzip(std::string_view packed, size_t bytes_max) {
  z_stream stream{};
  if (inflateInit2(&stream, 16 + MAX_WBITS) != Z_OK) return base::internal("zlib cannot start");
  std::string out;
  std::string piece(64u << 10, '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(packed.data()));
  stream.avail_in = static_cast<uInt>(packed.size());
  int status = Z_OK;
  while (status == Z_OK && out.size() <= bytes_max) {
    stream.next_out = reinterpret_cast<Bytef*>(piece.data());
    stream.avail_out = static_cast<uInt>(piece.size());
    status = inflate(&stream, Z_NO_FLUSH);
    if (status == Z_OK || status == Z_STREAM_END) out.append(piece.data(), piece.size() - stream.avail_out);
  }
  inflateEnd(&stream);
  if (out.size() > bytes_max) return Error{Code::too_large, "the config drive is larger than 64 MiB", Layer::agent};
  if (status != Z_STREAM_END) return Error{Code::invalid, "the config drive is not a whole gzip file", Layer::agent};
  return out;
}

}  // namespace

Result<std::string> decode_config_drive(std::string_view text) {
  if (text.size() > config_drive_bytes * 2) {
    return Error{Code::too_large, "the config drive is larger than 64 MiB", Layer::agent};
  }
  auto bytes = base::unbase64(base::trim(text));
  if (!bytes) return Error{Code::invalid, "the config drive is not base64", Layer::agent};
  if (bytes->substr(0, 2) == std::string_view("\x1f\x8b", 2)) return gunzip(*bytes, config_drive_bytes);
  return std::move(*bytes);
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
