#include "metal/bmc/redfish_firmware.h"

#include <algorithm>

#include "base/text.h"

namespace metal {
namespace {

base::Error failed(base::Code code, std::string message) {
  return base::Error{code, std::move(message), base::Layer::bmc};
}

// Which inventory member is meant: by its id, since few services link it to what it is the firmware of.
std::string path_with(const std::vector<std::string>& paths, std::initializer_list<std::string_view> words) {
  for (const auto word : words) {
    for (const auto& path : paths) {
      const auto id = base::lower(path.substr(path.rfind('/') + 1));
      if (id.find(word) != std::string::npos && id.find("backup") == std::string::npos) return path;
    }
  }
  return {};
}

std::string part_head(const std::string& boundary, const std::string& disposition, const std::string& type) {
  return "--" + boundary + "\r\nContent-Disposition: form-data; " + disposition + "\r\nContent-Type: " + type +
         "\r\n\r\n";
}

bool is_plain_name(const std::string& name) {
  return !name.empty() && std::all_of(name.begin(), name.end(), [](char c) { return c > ' ' && c < 127 && c != '"'; });
}

}  // namespace

base::Result<base::Json> RedfishFirmware::service() {
  const auto root = TRY(client_.root());
  const auto path = link_of(root["UpdateService"]);
  if (path.empty()) return failed(base::Code::unsupported, client_.url("") + ": the BMC cannot update firmware");
  return client_.document(path);
}

base::Result<std::vector<std::string>> RedfishFirmware::inventory(const base::Json& service) {
  const auto path = link_of(service["FirmwareInventory"]);
  if (path.empty()) return std::vector<std::string>();
  auto members = client_.members(path);
  // Some link to a collection that they do not have.
  if (!members && members.error().code == base::Code::not_found) return std::vector<std::string>();
  return members;
}

// Nice to know: not every service has them, and some only while the server runs.
base::Result<void> RedfishFirmware::add_nics(const base::Json& system, std::vector<FirmwareComponent>& out) {
  for (const auto& link : system["Links"]["Chassis"].items()) {
    const auto at = link_of(link);
    if (at.empty()) continue;
    const auto chassis = TRY(client_.get(at));
    const auto adapters = link_of(chassis.body["NetworkAdapters"]);
    if (!chassis.ok() || adapters.empty()) continue;
    const auto listed = TRY(client_.get(adapters));
    for (const auto& path : members_of(listed.body)) {
      const auto adapter = TRY(client_.get(path));
      const auto& version = adapter.body["Controllers"].at(0)["FirmwarePackageVersion"].string();
      if (adapter.ok() && !version.empty()) out.push_back({"nic:" + adapter.body["Id"].string(), version, ""});
    }
  }
  return {};
}

base::Result<std::vector<FirmwareComponent>> RedfishFirmware::components(const base::Json& system) {
  std::vector<std::string> paths;
  if (auto update = service()) {
    paths = TRY(inventory(*update));
  } else if (update.error().code != base::Code::unsupported && update.error().code != base::Code::not_found) {
    return std::move(update).error();
  }
  std::vector<FirmwareComponent> out;
  out.push_back({"bios", system["BiosVersion"].string(), path_with(paths, {"bios"})});
  if (const auto manager = link_of(system["Links"]["ManagedBy"].at(0)); !manager.empty()) {
    const auto reply = TRY(client_.get(manager));
    const auto path = path_with(paths, {"bmc", "idrac", "ilo", "manager"});
    if (reply.ok()) out.push_back({"bmc", reply.body["FirmwareVersion"].string(), path});
  }
  TRY(add_nics(system, out));
  return out;
}

base::Result<FirmwareComponent> RedfishFirmware::find(const base::Json& system, const std::string& component) {
  std::vector<std::string> names;
  for (auto& one : TRY(components(system))) {
    if (one.name == component) return std::move(one);
    names.push_back(one.name);
  }
  return failed(base::Code::not_found, client_.url(link_of(system)) + ": there is no firmware component " +
                                           base::quoted(component) + "; there are " + base::join(names, ", "));
}

base::Result<std::string> RedfishFirmware::begun(const std::string& path, const RedfishReply& reply) const {
  if (!reply.ok()) return client_.error_of("POST", path, reply);
  // Some answer 200 or 204 and name the task all the same.
  return client_.monitor_of(reply);
}

base::Result<std::string> RedfishFirmware::update(const base::Json& system, const std::string& component,
                                                  const std::string& url) {
  const auto chosen = TRY(find(system, component));
  const auto update = TRY(service());
  const auto& described = update["Actions"]["#UpdateService.SimpleUpdate"];
  const auto action = link_of(described["target"]);
  if (action.empty())
    return failed(base::Code::unsupported,
                  client_.url(link_of(update)) + ": the BMC does not fetch firmware by itself");
  auto body = base::Json::object({{"ImageURI", url}});
  const std::string protocol = base::upper(url.substr(0, url.find(':')));
  for (const auto& known : described["TransferProtocol@Redfish.AllowableValues"].items())
    if (known.string() == protocol) body.set("TransferProtocol", protocol);
  if (!chosen.path.empty()) body.set("Targets", base::Json::array({chosen.path}));
  auto reply = TRY(client_.post(action, body, RedfishClient::Again::never));
  if (reply.status == 400 && body.has("Targets") && reply.mentions("Targets")) {
    body.erase("Targets");
    reply = TRY(client_.post(action, body, RedfishClient::Again::never));
  }
  return begun(action, reply);
}

base::Result<std::string> RedfishFirmware::push(const base::Json& system, const std::string& component,
                                                const std::string& file_name, const std::string& image) {
  const auto chosen = TRY(find(system, component));
  const auto update = TRY(service());
  const auto multipart = link_of(update["MultipartHttpPushUri"]);
  if (multipart.empty()) {
    const auto raw = link_of(update["HttpPushUri"]);
    if (raw.empty())
      return failed(base::Code::unsupported, client_.url(link_of(update)) + ": the BMC takes no firmware images");
    return begun(raw, TRY(client_.post_bytes(raw, "application/octet-stream", image)));
  }
  const auto limit = update["MaxImageSizeBytes"].integer();
  if (limit > 0 && int64_t(image.size()) > limit)
    return failed(base::Code::invalid, client_.url(multipart) + ": the image has " + std::to_string(image.size()) +
                                           " bytes; the BMC takes " + std::to_string(limit));
  if (!is_plain_name(file_name))
    return failed(base::Code::invalid, base::quoted(file_name) + " is no name for an uploaded file");
  std::string boundary = random_word_();
  while (image.find(boundary) != std::string::npos) boundary = random_word_();
  auto parameters = base::Json::object({{"Targets", base::Json::array()}});
  if (!chosen.path.empty()) parameters.child("Targets").push(chosen.path);
  std::string body = part_head(boundary, "name=\"UpdateParameters\"", "application/json") + parameters.dump() + "\r\n";
  body += part_head(boundary, "name=\"UpdateFile\"; filename=\"" + file_name + "\"", "application/octet-stream");
  body += image + "\r\n--" + boundary + "--\r\n";
  return begun(multipart,
               TRY(client_.post_bytes(multipart, "multipart/form-data; boundary=" + boundary, std::move(body))));
}

// A monitor answers with the task while it goes on (202) and with the operation's own answer afterwards.
base::Result<BmcTask> RedfishFirmware::task(const std::string& path) {
  const auto reply = TRY(client_.get(path));
  BmcTask task;
  if (is_task(reply.body) && reply.ok()) return read_task(reply.body);
  if (reply.status == 202) return task;
  if (reply.status == 404 || reply.status == 410) {
    client_.quirks().found(Quirk::forgotten_task);
    task.state = BmcTask::State::unknown;
    return task;
  }
  if (reply.ok()) {
    task.state = BmcTask::State::completed;
    return task;
  }
  return client_.error_of("GET", path, reply);
}

}  // namespace metal
