#include "sim/bmc/redfish_storage.h"

#include <algorithm>

namespace sim {

using base::Json;

namespace {

const std::string tasks_path = "/redfish/v1/TaskService/Tasks";

Json link(const std::string& path) { return Json::object({{"@odata.id", path}}); }

Json head(const std::string& path, const std::string& type, const std::string& name) {
  Json out = Json::object({{"@odata.id", path}, {"@odata.type", "#" + type}});
  return out.set("Id", path.substr(path.rfind('/') + 1)).set("Name", name);
}

Json list_of(const std::string& path, const std::string& type, const std::string& name, const Json& members) {
  Json out = Json::object({{"@odata.id", path}, {"@odata.type", "#" + type + "." + type}, {"Name", name}});
  return out.set("Members@odata.count", members.size()).set("Members", members);
}

Json status(bool healthy = true) {
  return Json::object({{"State", "Enabled"}, {"Health", healthy ? "OK" : "Critical"}});
}

std::string last_part(const std::string& path) { return path.substr(path.rfind('/') + 1); }

RedfishComplaint complaint(const base::Error& error) {
  if (error.code == base::Code::conflict) return {409, "ResourceInUse", error.message + ".", {}};
  if (error.code == base::Code::not_found) return {404, "ResourceMissingAtURI", error.message + ".", {}};
  return {400, "ActionNotSupported", error.message + ".", {}};
}

}  // namespace

RedfishStorage::RedfishStorage(ServerControls& server, std::string system_path)
    : server_(server),
      path_(std::move(system_path) + "/Storage"),
      raid_(path_ + "/RAID"),
      volumes_(raid_ + "/Volumes") {}

Json RedfishStorage::collection() const {
  Json members = Json::array();
  if (server_.raid()) members.push(link(raid_));
  return list_of(path_, "StorageCollection", "Storage", members);
}

Json RedfishStorage::controller() const {
  RaidController& raid = *server_.raid();
  Json out = head(raid_, "Storage.v1_15_0.Storage", "RAID controller");
  Json drives = Json::array();
  for (const auto& one : raid.drives) drives.push(link(raid_ + "/Drives/" + one.id));
  out.set("Drives@odata.count", drives.size()).set("Drives", drives).set("Volumes", link(volumes_));
  return out.set("Controllers", link(raid_ + "/Controllers")).set("Status", status());
}

Json RedfishStorage::drive(const RaidDrive& one) const {
  Json out = head(raid_ + "/Drives/" + one.id, "Drive.v1_18_0.Drive", "Drive " + one.id);
  out.set("CapacityBytes", one.bytes).set("MediaType", one.rotational ? "HDD" : "SSD").set("Protocol", "SAS");
  out.set("Manufacturer", "Ingot").set("Model", one.model).set("SerialNumber", one.serial);
  Json volumes = Json::array();
  for (const auto& volume : server_.raid()->volumes())
    if (std::find(volume.drives.begin(), volume.drives.end(), one.id) != volume.drives.end())
      volumes.push(link(volumes_ + "/" + volume.id));
  out.set("Links", Json::object({{"Volumes@odata.count", volumes.size()}, {"Volumes", volumes}}));
  return out.set("Status", status(one.healthy));
}

Json RedfishStorage::volumes() const {
  Json members = Json::array();
  for (const auto& one : server_.raid()->volumes()) members.push(link(volumes_ + "/" + one.id));
  Json out = list_of(volumes_, "VolumeCollection", "RAID volumes", members);
  Json times = Json::object({{"@odata.type", "#Settings.v1_3_5.OperationApplyTimeSupport"}});
  times.set("SupportedValues", Json::strings({server_.raid()->on_reset ? "OnReset" : "Immediate"}));
  return out.set("@Redfish.OperationApplyTimeSupport", times);
}

Json RedfishStorage::volume(const RaidVolume& one) const {
  Json out = head(volumes_ + "/" + one.id, "Volume.v1_9_0.Volume", one.name);
  out.set("RAIDType", one.type).set("CapacityBytes", one.bytes).set("Status", status());
  Json drives = Json::array();
  for (const auto& id : one.drives) drives.push(link(raid_ + "/Drives/" + id));
  return out.set("Links", Json::object({{"Drives@odata.count", drives.size()}, {"Drives", drives}}));
}

Json RedfishStorage::find(const std::string& path) const {
  if (path == path_) return collection();
  RaidController* const raid = server_.raid();
  if (!raid) return {};
  if (path == raid_) return controller();
  if (path == volumes_) return volumes();
  if (path == raid_ + "/Controllers")
    return list_of(path, "StorageControllerCollection", "Controllers", Json::array({link(path + "/0")}));
  if (path == raid_ + "/Controllers/0") {
    Json out = head(path, "StorageController.v1_7_0.StorageController", "PERC of " + server_.identity().name);
    out.set("Manufacturer", "Ingot").set("SupportedRAIDTypes", Json::strings(raid->types));
    return out.set("Status", status());
  }
  for (const auto& one : raid->drives)
    if (path == raid_ + "/Drives/" + one.id) return drive(one);
  for (const auto& one : raid->volumes())
    if (path == volumes_ + "/" + one.id) return volume(one);
  return {};
}

bool RedfishStorage::is_volume(const std::string& path) const { return path.starts_with(volumes_ + "/"); }

std::vector<std::string> RedfishStorage::tasks() const {
  std::vector<std::string> ids;
  if (!server_.raid()) return ids;
  for (const auto& [id, job] : server_.raid()->jobs()) ids.push_back(id);
  return ids;
}

Json RedfishStorage::task(const std::string& id) const {
  if (!server_.raid()) return {};
  const auto& jobs = server_.raid()->jobs();
  const auto found = jobs.find(id);
  if (found == jobs.end()) return {};
  const RaidJob& job = found->second;
  const bool done = job.state == RaidJob::State::done;
  Json out = head(tasks_path + "/" + id, "Task.v1_7_4.Task",
                  job.remove.empty() ? "Volume " + job.create.name : "Deletion of " + job.remove);
  out.set("TaskState", done ? "Completed" : job.state == RaidJob::State::waiting ? "Pending" : "Running");
  return out.set("TaskStatus", "OK").set("PercentComplete", done ? 100 : 0);
}

RedfishProblem RedfishStorage::create(const Json& body, std::string& task) {
  for (const auto& [name, value] : body.members()) {
    const bool known = name == "RAIDType" || name == "Name" || name == "CapacityBytes" || name == "Links";
    if (!known && name.find('@') == std::string::npos) return property_unknown("#/" + name);
  }
  if (!body["RAIDType"].is_string()) return property_missing("#/RAIDType");
  const auto& time = body["@Redfish.OperationApplyTime"].string();
  if (!time.empty() && (time == "OnReset") != server_.raid()->on_reset)
    return property_not_in_list("#/@Redfish.OperationApplyTime", body["@Redfish.OperationApplyTime"]);
  RaidVolume wanted{.name = body["Name"].string(), .type = body["RAIDType"].string()};
  wanted.bytes = uint64_t(body["CapacityBytes"].integer());
  for (const auto& drive : body["Links"]["Drives"].items())
    wanted.drives.push_back(last_part(drive["@odata.id"].string()));
  auto begun = server_.raid()->create(std::move(wanted));
  if (!begun) return complaint(begun.error());
  task = *begun;
  return std::nullopt;
}

RedfishProblem RedfishStorage::remove(const std::string& path, std::string& task) {
  auto begun = server_.raid()->remove(last_part(path));
  if (!begun) return complaint(begun.error());
  task = *begun;
  return std::nullopt;
}

}  // namespace sim
