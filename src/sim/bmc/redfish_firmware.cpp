#include "sim/bmc/redfish_firmware.h"

#include <algorithm>
#include <array>

#include "base/text.h"

namespace sim {

using base::Json;

namespace {

const std::string registry_name = "BiosAttributeRegistry.v1_0_0";
const std::string registry_path = "/redfish/v1/Registries/BiosAttributeRegistry";
const std::string update_path = "/redfish/v1/UpdateService";
const std::string inventory_path = update_path + "/FirmwareInventory";
constexpr auto update_takes = base::seconds(30);

Json link(const std::string& path) { return Json::object({{"@odata.id", path}}); }

Json head(const std::string& path, const std::string& type, const std::string& name) {
  Json out = Json::object({{"@odata.id", path}, {"@odata.type", "#" + type}});
  return out.set("Id", path.substr(path.rfind('/') + 1)).set("Name", name);
}

Json attribute(const char* name, const char* type, bool read_only) {
  Json out = Json::object({{"AttributeName", name}, {"DisplayName", name}, {"Type", type}, {"ReadOnly", read_only}});
  return out.set("ResetRequired", true);
}

Json choice(const char* name, const std::vector<std::string>& values) {
  Json list = Json::array();
  for (const auto& one : values) list.push(Json::object({{"ValueName", one}, {"ValueDisplayName", one}}));
  return attribute(name, "Enumeration", false).set("Value", list);
}

Json attributes() {
  Json list =
      Json::array({choice("BootMode", {"Uefi", "Bios"}), choice("ProcVirtualization", {"Enabled", "Disabled"})});
  list.push(attribute("NumLock", "Boolean", false));
  list.push(attribute("BootRetries", "Integer", false).set("LowerBound", 0).set("UpperBound", 10));
  list.push(attribute("AssetTag", "String", false)
                .set("MinLength", 0)
                .set("MaxLength", 63)
                .set("IsSystemUniqueProperty", true));
  return list.push(attribute("SystemModelName", "String", true));
}

const Json* attribute_called(const Json& list, const std::string& name) {
  for (const auto& one : list.items())
    if (one["AttributeName"].string() == name) return &one;
  return nullptr;
}

RedfishProblem check_value(const std::string& name, const Json& value) {
  const auto pointer = "#/Attributes/" + name;
  const Json list = attributes();
  const Json* known = attribute_called(list, name);
  if (known == nullptr) return property_unknown(pointer);
  if ((*known)["ReadOnly"].boolean()) return property_not_writable(pointer);
  const auto& type = (*known)["Type"].string();
  const bool fits = type == "Integer" ? value.is_integer() : type == "Boolean" ? value.is_bool() : value.is_string();
  if (!fits) return property_type_error(pointer, value);
  bool allowed = type != "Enumeration";
  for (const auto& one : (*known)["Value"].items()) allowed = allowed || one["ValueName"].string() == value.string();
  if (type == "Integer")
    allowed =
        value.integer() >= (*known)["LowerBound"].integer() && value.integer() <= (*known)["UpperBound"].integer();
  if (!allowed) return property_not_in_list(pointer, value);
  return std::nullopt;
}

// "bios-2.0.1.bin" is version 2.0.1.
std::string version_in(const std::string& file) {
  const auto first = file.find_first_of("0123456789", file.rfind('/') == std::string::npos ? 0 : file.rfind('/'));
  if (first == std::string::npos) return {};
  auto version = file.substr(first, file.find_first_not_of("0123456789.", first) - first);
  while (version.ends_with('.')) version.pop_back();
  return version;
}

}  // namespace

RedfishFirmware::RedfishFirmware(sys::Loop& loop, ServerControls& server, std::string system_path)
    : loop_(loop), server_(server), bios_(std::move(system_path) + "/Bios") {
  values_ = Json::object({{"BootMode", "Uefi"}, {"ProcVirtualization", "Enabled"}, {"NumLock", true}});
  values_.set("BootRetries", 3).set("AssetTag", "").set("SystemModelName", server.identity().model);
}

void RedfishFirmware::settle() const {
  for (const auto& [id, task] : tasks_)
    if (loop_.now() >= task.end) versions_[task.component] = task.version;
}

void RedfishFirmware::booted() {
  for (const auto& [name, value] : pending_.members()) values_.set(name, value);
  pending_ = Json::object();
}

std::string RedfishFirmware::bios_version() const {
  settle();
  return versions_.contains("BIOS") ? versions_["BIOS"] : server_.identity().bios_version;
}

std::string RedfishFirmware::bmc_version() const {
  settle();
  return versions_.contains("BMC") ? versions_["BMC"] : server_.identity().bmc_version;
}

Json RedfishFirmware::bios() const {
  Json out = head(bios_, "Bios.v1_2_1.Bios", "BIOS settings");
  out.set("AttributeRegistry", registry_name).set("Attributes", values_);
  Json settings =
      Json::object({{"@odata.type", "#Settings.v1_3_5.Settings"}, {"SettingsObject", link(bios_ + "/Settings")}});
  settings.set("SupportedApplyTimes", Json::strings({"OnReset"}));
  return out.set("@Redfish.Settings", settings);
}

Json RedfishFirmware::bios_settings() const {
  Json out = head(bios_ + "/Settings", "Bios.v1_2_1.Bios", "BIOS settings after the next reset");
  return out.set("AttributeRegistry", registry_name).set("Attributes", pending_);
}

Json RedfishFirmware::registry_file() const {
  Json out = head(registry_path, "MessageRegistryFile.v1_1_3.MessageRegistryFile", "BIOS attributes");
  out.set("Registry", registry_name).set("Languages", Json::strings({"en"}));
  Json location = Json::object({{"Language", "en"}, {"Uri", registry_path + "/" + registry_name}});
  return out.set("Location", Json::array({location}));
}

Json RedfishFirmware::registry() const {
  Json out = head(registry_path + "/" + registry_name, "AttributeRegistry.v1_3_8.AttributeRegistry", "BIOS attributes");
  out.set("Id", registry_name).set("Language", "en").set("OwningEntity", "Ingot").set("RegistryVersion", "1.0.0");
  return out.set("RegistryEntries", Json::object({{"Attributes", attributes()}}));
}

Json RedfishFirmware::update_service() const {
  Json out = head(update_path, "UpdateService.v1_14_0.UpdateService", "Update Service");
  out.set("ServiceEnabled", true).set("MultipartHttpPushUri", update_path + "/update-multipart");
  out.set("FirmwareInventory", link(inventory_path));
  Json update = Json::object({{"target", update_path + "/Actions/UpdateService.SimpleUpdate"}});
  update.set("TransferProtocol@Redfish.AllowableValues", Json::strings({"HTTP", "HTTPS"}));
  return out.set("Actions", Json::object({{"#UpdateService.SimpleUpdate", update}}));
}

Json RedfishFirmware::component(const std::string& id) const {
  Json out = head(inventory_path + "/" + id, "SoftwareInventory.v1_10_2.SoftwareInventory", id + " firmware");
  return out.set("Version", id == "BIOS" ? bios_version() : bmc_version()).set("Updateable", true);
}

Json RedfishFirmware::task(const std::string& id) const {
  const auto found = tasks_.find(id);
  if (found == tasks_.end()) return {};
  const bool done = loop_.now() >= found->second.end;
  Json out = head("/redfish/v1/TaskService/Tasks/" + id, "Task.v1_7_4.Task", "Update of " + found->second.component);
  out.set("TaskState", done ? "Completed" : "Running").set("TaskStatus", "OK");
  return out.set("PercentComplete", done ? 100 : 50);
}

std::vector<std::string> RedfishFirmware::tasks() const {
  std::vector<std::string> ids;
  for (const auto& [id, task] : tasks_) ids.push_back(id);
  return ids;
}

RedfishProblem RedfishFirmware::change_bios(const Json& body) {
  for (const auto& [name, value] : body.members())
    if (name != "Attributes" && name.find('@') == std::string::npos) return property_unknown("#/" + name);
  for (const auto& [name, value] : body["Attributes"].members())
    if (auto problem = check_value(name, value)) return problem;
  for (const auto& [name, value] : body["Attributes"].members()) {
    if (values_[name] == value)
      pending_.erase(name);
    else
      pending_.set(name, value);
  }
  return std::nullopt;
}

RedfishProblem RedfishFirmware::begin(const Json& targets, const std::string& file, std::string& id) {
  const auto version = version_in(file);
  if (version.empty())
    return RedfishComplaint{400, "ActionParameterValueFormatError", "The image's name has no version.", {file}};
  const auto target = targets.at(0).string();
  const bool bmc = target.empty() ? base::lower(file).find("bmc") != std::string::npos : target.ends_with("/BMC");
  id = std::to_string(tasks_.size() + 1);
  tasks_[id] = {loop_.now() + update_takes, bmc ? "BMC" : "BIOS", version};
  return std::nullopt;
}

RedfishProblem RedfishFirmware::simple_update(const Json& body, std::string& id) {
  const std::string action = "UpdateService.SimpleUpdate";
  for (const auto& [name, value] : body.members())
    if (name != "ImageURI" && name != "TransferProtocol" && name != "Targets" && name.find('@') == std::string::npos)
      return parameter_unknown(action, "#/" + name);
  if (!body["ImageURI"].is_string()) return parameter_missing(action, "#/ImageURI");
  return begin(body["Targets"], body["ImageURI"].string(), id);
}

// multipart/form-data (RFC 7578) as DSP0266 has it: UpdateParameters and UpdateFile.
RedfishProblem RedfishFirmware::push(const net::Request& request, std::string& id) {
  const auto malformed = [](const char* what) { return RedfishComplaint{400, "UnrecognizedRequestBody", what, {}}; };
  const auto& type = request.headers.get("Content-Type");
  const auto at = type.find("boundary=");
  if (!type.starts_with("multipart/form-data") || at == std::string::npos)
    return RedfishComplaint{415, "UnsupportedMediaType", "Images come as multipart/form-data.", {}};
  const std::string mark = "--" + type.substr(at + 9);
  Json targets;
  std::string file;
  for (size_t from = request.body.find(mark); from != std::string::npos;) {
    const auto next = request.body.find(mark, from + mark.size());
    if (next == std::string::npos) break;
    const auto part = std::string_view(request.body).substr(from, next - from);
    from = next;
    const auto split = part.find("\r\n\r\n");
    if (split == std::string_view::npos) return malformed("A part of the body has no end of its headers.");
    const auto headers = part.substr(0, split);
    if (headers.find("name=\"UpdateParameters\"") != std::string_view::npos) {
      const auto parsed = base::parse_json(base::trim(part.substr(split)));
      if (!parsed) return malformed("UpdateParameters is not JSON.");
      targets = (*parsed)["Targets"];
    }
    const auto name = headers.find("filename=\"");
    if (name == std::string_view::npos) continue;
    file = std::string(headers.substr(name + 10, headers.find('"', name + 10) - name - 10));
  }
  if (file.empty()) return malformed("There is no part UpdateFile.");
  return begin(targets, file, id);
}

}  // namespace sim
