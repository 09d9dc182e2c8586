#include "metal/boot/config_drive.h"

#include "base/text.h"
#include "wire/gzip.h"
#include "wire/iso9660.h"

namespace metal {

using base::Code;
using base::Error;
using base::Layer;
using base::Result;

namespace {

constexpr size_t drive_bytes_max = 64u << 20;

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
  return base::base64(TRY(wire::gzip(iso)));
}

}  // namespace metal
