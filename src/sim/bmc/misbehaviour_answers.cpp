// What the answers of a misbehaving BMC look like.
#include <zlib.h>

#include "base/text.h"
#include "sim/bmc/misbehaviour.h"

namespace sim {

using base::Json;

namespace {

const std::string media_path = "/redfish/v1/Managers/1/VirtualMedia";

Json link(const std::string& path) { return Json::object({{"@odata.id", path}}); }

void add_slashes(Json& value) {
  if (value.is_array())
    for (size_t i = 0; i < value.size(); ++i) add_slashes(value.item(i));
  if (!value.is_object()) return;
  for (auto& [name, member] : value.mutable_members()) {
    if (name == "@odata.id" && !member.string().ends_with('/'))
      member = Json(member.string() + "/");
    else
      add_slashes(member);
  }
}

}  // namespace

std::string packed(const std::string& text) {
  z_stream stream{};
  constexpr int window_of_gzip = 15 + 16, memory = 8;
  if (deflateInit2(&stream, Z_BEST_SPEED, Z_DEFLATED, window_of_gzip, memory, Z_DEFAULT_STRATEGY) != Z_OK) return text;
  std::string out(deflateBound(&stream, uLong(text.size())) + 64, '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));
  stream.avail_in = uInt(text.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = uInt(out.size());
  deflate(&stream, Z_FINISH);
  out.resize(stream.total_out);
  deflateEnd(&stream);
  return out;
}

void Misbehaviour::change_error(Json& body) {
  if (!profile_.object_as_list) return;
  Json& error = body.child("error");
  const Json first = error["@Message.ExtendedInfo"].at(0);
  if (!first.is_null()) error.set("@Message.ExtendedInfo", first);
}

void Misbehaviour::change_document(Json& document) {
  if (path_ == "/redfish/v1" || path_ == "/redfish/v1/") {
    if (!profile_.manufacturer.empty()) document.set("Vendor", profile_.manufacturer);
  } else if (path_ == system_) {
    change_system(document);
  } else if (path_ == "/redfish/v1/Managers/1") {
    change_manager(document);
  } else if (path_ == media_path + "/CD") {
    change_drive(document);
  }
  if (document["Members"].is_array()) change_collection(document);
  if (profile_.trailing_slash) add_slashes(document);
}

void Misbehaviour::change_system(Json& system) {
  if (!profile_.manufacturer.empty()) system.set("Manufacturer", profile_.manufacturer);
  if (!profile_.model.empty()) system.set("Model", profile_.model);
  Json& boot = system.child("Boot");
  if (profile_.mode_hidden) boot.erase("BootSourceOverrideMode");
  if (profile_.mode_refused) boot.set("BootSourceOverrideMode", "Legacy");
  constexpr const char* targets = "BootSourceOverrideTarget@Redfish.AllowableValues";
  if (profile_.cd != BmcProfile::Cd::plain) {
    Json list = boot[targets];
    boot.set(targets, list.push("UsbCd"));
    if (profile_.cd == BmcProfile::Cd::usb && boot["BootSourceOverrideTarget"].string() == "Cd")
      boot.set("BootSourceOverrideTarget", "UsbCd");
  }
  if (as_settings_) {
    const Json kept = boot;
    Json settings = Json::object({{"@odata.id", settings_}, {"@odata.type", system["@odata.type"]}});
    system = settings.set("Id", "Settings").set("Name", "Settings").set("Boot", kept);
    return;
  }
  if (profile_.boot_in_settings) boot.erase(targets);
  if (profile_.boot_in_settings || profile_.boot_settings_read_only) {
    Json where = Json::object({{"@odata.type", "#Settings.v1_3_5.Settings"}, {"SettingsObject", link(settings_)}});
    system.set("@Redfish.Settings", where);
  }
  if (profile_.reset_by_reference || profile_.only_force_on) {
    Json& reset = system.child("Actions").child("#ComputerSystem.Reset");
    reset.erase("ResetType@Redfish.AllowableValues");
    if (profile_.only_force_on)
      reset.set("ResetType@Redfish.AllowableValues", Json::strings({"ForceOn", "ForceOff", "PowerCycle"}));
    else
      reset.set("@Redfish.ActionInfo", system_ + "/ResetActionInfo");
  }
  using Place = BmcProfile::Place;
  if (profile_.media == Place::manager || profile_.media == Place::managers_link) system.erase("VirtualMedia");
  if (profile_.media == Place::managers_link) {
    Json& links = system.child("Links");
    const Json managers = links["ManagedBy"];
    links.erase("ManagedBy");
    links.set("Managers", managers);
  }
}

void Misbehaviour::change_manager(Json& manager) {
  if (!profile_.bmc_version.empty()) manager.set("FirmwareVersion", profile_.bmc_version);
  if (profile_.media == BmcProfile::Place::system) manager.erase("VirtualMedia");
}

void Misbehaviour::change_drive(Json& drive) {
  if (profile_.dvd_only) drive.set("MediaTypes", Json::strings({"DVD"}));
  if (profile_.media_by_patch) drive.erase("Actions");
  if (!stale_image_.empty() && !server_.media().inserted) drive.set("Inserted", true).set("Image", stale_image_);
}

void Misbehaviour::change_collection(Json& collection) {
  Json members = collection["Members"];
  if (profile_.unmountable_first && path_ == media_path) {
    Json all = Json::array({link(media_path + "/Slot_0"), link(media_path + "/Slot_1")});
    for (const auto& one : members.items()) all.push(one);
    members = all;
  }
  if (profile_.dead_members && path_ != "/redfish/v1/Systems") {
    Json all = Json::array({Json(), link(path_ + "/gone")});
    for (const auto& one : members.items()) all.push(one);
    members = all;
  }
  collection.set("Members@odata.count", members.size()).set("Members", members);
  if (!profile_.paged) return;
  // The first page is empty, which is legal and surprises.
  if (page_ < members.size()) collection.set("Members@odata.nextLink", path_ + "?$skip=" + std::to_string(page_ + 1));
  collection.set("Members", page_ == 0 ? Json::array() : Json::array({members.at(page_ - 1)}));
}

void Misbehaviour::change_etag(net::Response& response, Json& document) {
  using Etags = BmcProfile::Etags;
  if (profile_.etags == Etags::honest || profile_.etags == Etags::refused) return;
  document.erase("@odata.etag");
  const auto tag = response.headers.get("ETag");
  if (tag.empty()) return;
  if (profile_.etags == Etags::weak) response.headers.set("ETag", "W/" + tag);
  if (profile_.etags == Etags::needed) response.headers.remove("ETag");
  if (profile_.etags == Etags::is_empty) response.headers.set("ETag", "");
}

}  // namespace sim
