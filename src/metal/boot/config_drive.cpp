#include "metal/boot/config_drive.h"

#include <zlib.h>

#include "base/text.h"
#include "wire/iso9660.h"

namespace metal {

using base::Code;
using base::Error;
using base::Layer;
using base::Result;

namespace {

constexpr size_t drive_bytes_max = 64u << 20;

Result<std::string> gzip(std::string_view bytes) {
  z_stream stream{};
  constexpr int window_with_gzip_header = 15 + 16;
  if (deflateInit2(&stream, Z_BEST_SPEED, Z_DEFLATED, window_with_gzip_header, 8, Z_DEFAULT_STRATEGY) != Z_OK) {
    return base::internal("zlib cannot start");
  }
  std::string out(deflateBound(&stream, static_cast<uLong>(bytes.size())) + 32, '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));
  stream.avail_in = static_cast<uInt>(bytes.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  const int status = deflate(&stream, Z_FINISH);
  out.resize(stream.total_out);
  deflateEnd(&stream);
  if (status != Z_STREAM_END) return base::internal("zlib could not compress the config drive");
  return out;
}

}  // namespace

Result<std::string> config_drive_iso(const ConfigDrive& drive) {
  std::vector<wire::IsoFile> files = {{"openstack/latest/meta_data.json", drive.meta_data.dump()}};
  if (!drive.user_data.empty()) files.push_back({"openstack/latest/user_data", drive.user_data});
  if (!drive.network_data.empty()) files.push_back({"openstack/latest/network_data.json", drive.network_data});
  std::string iso = TRY(wire::build_iso("config-2", files));
  if (iso.size() > drive_bytes_max) {
    return Error{Code::too_large, "the config drive would be larger than 64 MiB", Layer::bootstrap,
                 "make the user data smaller"};
  }
  return iso;
}

Result<std::string> pack_config_drive(const ConfigDrive& drive) {
  const std::string iso = TRY(config_drive_iso(drive));
  return base::base64(TRY(gzip(iso)));
}

}  // namespace metal
