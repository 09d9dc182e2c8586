#include "metal/bmc/redfish_storage.h"

#include <algorithm>
#include <array>

#include "base/text.h"

namespace metal {
namespace {

using base::Json;

// Volume schema, RAIDType.
constexpr std::array<std::pair<std::string_view, std::string_view>, 7> levels{{
    {"0", "RAID0"},
    {"1", "RAID1"},
    {"5", "RAID5"},
    {"6", "RAID6"},
    {"1+0", "RAID10"},
    {"5+0", "RAID50"},
    {"6+0", "RAID60"},
}};
// What services said before 2018 (Volume schema, VolumeType).
constexpr std::array<std::pair<std::string_view, std::string_view>, 5> old_types{{
    {"NonRedundant", "RAID0"},
    {"Mirrored", "RAID1"},
    {"StripedWithParity", "RAID5"},
    {"SpannedMirrors", "RAID10"},
    {"SpannedStripesWithParity", "RAID50"},
}};
constexpr std::string_view apply_time = "@Redfish.OperationApplyTime";

std::string type_of(const Json& volume) {
  const auto& type = volume["RAIDType"].string();
  if (!type.empty()) return type;
  for (const auto& [old, now] : old_types)
    if (volume["VolumeType"].string() == old) return std::string(now);
  return {};
}

// Drives that the controller hands through one by one, and namespaces of NVMe drives.
bool is_raw(const Json& volume) {
  return volume["VolumeType"].string() == "RawDevice" || volume["RAIDType"].string() == "None";
}

BmcDrive read_drive(const std::string& path, const Json& document) {
  BmcDrive drive{.path = path, .id = document["Id"].string(), .name = document["Name"].string()};
  drive.serial = base::trim(document["SerialNumber"].string());
  drive.bytes = document["CapacityBytes"].integer();
  drive.media = base::upper(document["MediaType"].string());
  const auto& state = document["Status"]["State"].string();
  const auto& health = document["Status"]["Health"].string();
  const auto& spare = document["HotspareType"].string();
  const bool here = state.empty() || state == "Enabled" || state == "StandbyOffline";
  drive.usable = here && (health.empty() || health == "OK") && (spare.empty() || spare == "None");
  return drive;
}

void add_name(BmcStorage& out, const std::string& name) {
  if (!name.empty() && std::find(out.names.begin(), out.names.end(), name) == out.names.end())
    out.names.push_back(name);
}

}  // namespace

std::string raid_level_of(const std::string& redfish_type) {
  for (const auto& [level, type] : levels)
    if (type == redfish_type) return std::string(level);
  return {};
}

std::string redfish_type_of(const std::string& level) {
  for (const auto& [known, type] : levels)
    if (known == level) return std::string(type);
  return {};
}

// Controllers are resources since 2020 and were members of the Storage resource before.
base::Result<void> RedfishStorage::read_controllers(const Json& document, BmcStorage& out) {
  std::vector<Json> controllers;
  if (const auto path = link_of(document["Controllers"]); !path.empty()) {
    for (const auto& member : TRY(client_.members(path))) {
      auto reply = TRY(client_.get(member));
      if (reply.ok()) controllers.push_back(std::move(reply.body));
    }
  }
  if (controllers.empty()) controllers = document["StorageControllers"].items();
  for (const auto& controller : controllers) {
    add_name(out, controller["Id"].string());
    add_name(out, controller["MemberId"].string());
    add_name(out, controller["Name"].string());
    const Json& types = controller["SupportedRAIDTypes"];
    if (!types.is_array()) continue;
    if (!out.levels) out.levels.emplace();
    for (const auto& type : types.items())
      if (auto level = raid_level_of(type.string()); !level.empty()) out.levels->push_back(std::move(level));
  }
  return {};
}

base::Result<void> RedfishStorage::read_drives(const Json& document, BmcStorage& out) {
  for (const auto& link : document["Drives"].items()) {
    const auto path = link_of(link);
    if (path.empty()) continue;
    const auto reply = TRY(client_.get(path));
    if (reply.ok()) out.drives.push_back(read_drive(path, reply.body));
  }
  return {};
}

// All or nothing: a volume that cannot be read must not count as one that is not there.
base::Result<void> RedfishStorage::read_volumes(BmcStorage& out) {
  for (const auto& path : TRY(client_.members(out.volumes))) {
    auto reply = TRY(client_.get(path));
    if (reply.status == 404) continue;
    if (!reply.ok()) return client_.error_of("GET", path, reply);
    const Json& document = reply.body;
    if (is_raw(document)) continue;
    BmcVolume volume{.path = path, .name = document["Name"].string()};
    const auto type = type_of(document);
    volume.level = raid_level_of(type);
    if (volume.level.empty()) volume.level = type.empty() ? "unknown" : type;
    volume.bytes = document["CapacityBytes"].integer();
    for (const auto& drive : document["Links"]["Drives"].items()) volume.drives.push_back(link_of(drive));
    out.present.push_back(std::move(volume));
  }
  return {};
}

base::Result<std::vector<BmcStorage>> RedfishStorage::read(const Json& system) {
  const auto collection = link_of(system["Storage"]);
  if (collection.empty())
    return base::Error{base::Code::unsupported, client_.url(link_of(system)) + ": the BMC shows no storage",
                       base::Layer::bmc};
  std::vector<BmcStorage> out;
  for (const auto& path : TRY(client_.members(collection))) {
    const Json document = TRY(client_.document(path));
    BmcStorage one{.path = path, .id = document["Id"].string()};
    one.volumes = link_of(document["Volumes"]);
    add_name(one, document["Name"].string());
    TRY(read_controllers(document, one));
    if (one.volumes.empty() || (one.levels && one.levels->empty())) continue;
    TRY(read_drives(document, one));
    TRY(read_volumes(one));
    out.push_back(std::move(one));
  }
  return out;
}

base::Result<VolumeChange> RedfishStorage::create(const VolumeOrder& order) {
  const Json collection = TRY(client_.document(order.volumes));
  VolumeChange change;
  Json body = Json::object({{"RAIDType", redfish_type_of(order.level)}});
  if (!order.name.empty()) body.set("Name", order.name);
  if (order.bytes > 0) body.set("CapacityBytes", order.bytes);
  Json drives = Json::array();
  for (const auto& path : order.drives) drives.push(Json::object({{"@odata.id", path}}));
  body.set("Links", Json::object({{"Drives", drives}}));
  bool immediate = false, on_reset = false;
  for (const auto& time : collection["@Redfish.OperationApplyTimeSupport"]["SupportedValues"].items()) {
    immediate = immediate || time.string() == "Immediate";
    on_reset = on_reset || time.string() == "OnReset";
  }
  if (immediate || on_reset) body.set(apply_time, immediate ? "Immediate" : "OnReset");
  change.on_reset = on_reset && !immediate;
  auto reply = TRY(client_.post(order.volumes, body, RedfishClient::Again::never));
  // Whatever is refused with 400 has not been begun.
  if (reply.status == 400 && body.has(apply_time) && reply.mentions("OperationApplyTime")) {
    body.erase(apply_time);
    reply = TRY(client_.post(order.volumes, body, RedfishClient::Again::never));
  }
  if (reply.status == 400 && body.has("Links") && reply.mentions("Links")) {
    body.erase("Links");
    body.set("Drives", drives);  // services older than 2020
    reply = TRY(client_.post(order.volumes, body, RedfishClient::Again::never));
  }
  if (!reply.ok()) return client_.error_of("POST", order.volumes, reply);
  if (reply.status == 202) change.task = client_.monitor_of(reply);
  return change;
}

base::Result<VolumeChange> RedfishStorage::remove(const std::string& path) {
  const auto reply = TRY(client_.remove(path));
  if (!reply.ok() && reply.status != 404 && reply.status != 410) return client_.error_of("DELETE", path, reply);
  VolumeChange change;
  if (reply.status == 202) change.task = client_.monitor_of(reply);
  return change;
}

}  // namespace metal
