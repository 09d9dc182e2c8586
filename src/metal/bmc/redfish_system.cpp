#include "metal/bmc/redfish_system.h"

#include <algorithm>

#include "base/text.h"

namespace metal {
namespace {

constexpr int patches_during_post = 6;  // HPE refuses boot changes while the server runs its power-on self test
constexpr int patch_variants_max = 4;

base::Error failed(base::Code code, std::string message) {
  return base::Error{code, std::move(message), base::Layer::bmc};
}

std::string lower_vendor(const base::Json& system) { return base::lower(system["Manufacturer"].string()); }

bool holds(const std::vector<std::string>& list, std::string_view word) {
  return std::find(list.begin(), list.end(), word) != list.end();
}

std::vector<std::string> strings_of(const base::Json& list) {
  std::vector<std::string> out;
  for (const auto& item : list.items())
    if (item.is_string()) out.push_back(item.string());
  return out;
}

// Preferred first.
std::vector<std::string_view> reset_types_for(PowerAction action) {
  switch (action) {
    case PowerAction::on:
      return {"On", "ForceOn"};
    case PowerAction::off:
      return {"ForceOff"};
    case PowerAction::soft_off:
      return {"GracefulShutdown"};
    case PowerAction::reset:
      return {"ForceRestart", "GracefulRestart", "PowerCycle"};
    case PowerAction::cycle:
      return {"PowerCycle", "ForceRestart"};
  }
  return {};
}

std::optional<PowerState> goal_of(PowerAction action) {
  if (action == PowerAction::on) return PowerState::on;
  if (action == PowerAction::off || action == PowerAction::soft_off) return PowerState::off;
  return std::nullopt;
}

}  // namespace

PowerState power_state_of(const base::Json& system) {
  const auto state = base::lower(system["PowerState"].string());
  if (state == "on" || state == "poweringon") return PowerState::on;
  if (state == "off" || state == "poweringoff") return PowerState::off;
  return PowerState::unknown;
}

bool wants_whole_boot_override(const base::Json& system) {
  const auto vendor = lower_vendor(system);
  for (const std::string_view name : {"supermicro", "ami", "american megatrends", "asrockrack"})
    if (name == "ami" ? vendor == name : vendor.find(name) != std::string::npos) return true;
  return false;
}

RedfishSystem::RedfishSystem(RedfishClient& client, std::string path)
    : client_(client), wanted_path_(std::move(path)) {}

base::Result<std::string> RedfishSystem::path() {
  if (!path_.empty()) return path_;
  if (!wanted_path_.empty()) return path_ = wanted_path_;
  const auto root = TRY(client_.root());
  auto systems = link_of(root["Systems"]);
  if (systems.empty()) systems = "/redfish/v1/Systems";
  const auto members = members_of(TRY(client_.document(systems)));
  if (members.size() == 1) return path_ = members[0];
  if (members.empty()) return failed(base::Code::not_found, client_.url(systems) + " lists no System");
  return failed(base::Code::not_found, client_.url(systems) + " lists " + std::to_string(members.size()) +
                                           " Systems: " + base::join(members, ", "))
      .with_fix("add the path of one of them to spec.bmc.address");
}

base::Result<base::Json> RedfishSystem::read() {
  const auto at = TRY(path());
  auto reply = TRY(client_.get(at));
  if (reply.status == 404) {
    auto missing = failed(base::Code::not_found, "GET " + client_.url(at) + ": 404 Not Found");
    const auto root = TRY(client_.root());
    auto systems = client_.document(link_of(root["Systems"]));
    if (systems) missing.message += "; there are " + base::join(members_of(*systems), ", ");
    return std::move(missing).with_fix("correct the System's path in spec.bmc.address");
  }
  if (!reply.ok()) return client_.error_of("GET", at, reply);
  if (!reply.body.is_object())
    return failed(base::Code::internal, "GET " + client_.url(at) + ": the answer is not a JSON object");
  return std::move(reply.body);
}

base::Result<PowerState> RedfishSystem::power() { return power_state_of(TRY(read())); }

// What the Reset action takes; empty when the BMC does not say, which means anything.
base::Result<std::vector<std::string>> RedfishSystem::reset_types(const base::Json& action) {
  auto types = strings_of(action["ResetType@Redfish.AllowableValues"]);
  const auto info = link_of(action["@Redfish.ActionInfo"]);
  if (!types.empty() || info.empty()) return types;
  auto reply = TRY(client_.get(info));
  for (const auto& parameter : reply.body["Parameters"].items())
    if (parameter["Name"].string() == "ResetType") types = strings_of(parameter["AllowableValues"]);
  return types;
}

base::Result<void> RedfishSystem::set_power(PowerAction action) {
  const auto goal = goal_of(action);
  const auto system = TRY(read());
  const auto state = power_state_of(system);
  if (goal && state == *goal) return {};
  if (!goal && state == PowerState::off)
    return failed(base::Code::unsupported,
                  client_.url(path_) + ": cannot " + std::string(name_of(action)) + " a server that is off");
  return reset(system, action);
}

base::Result<void> RedfishSystem::reset(const base::Json& system, PowerAction action) {
  const base::Json& described = system["Actions"]["#ComputerSystem.Reset"];
  auto target = link_of(described["target"]);
  if (target.empty()) target = path_ + "/Actions/ComputerSystem.Reset";
  const auto allowed = TRY(reset_types(described));
  const auto goal = goal_of(action);
  const auto again = goal ? RedfishClient::Again::safe : RedfishClient::Again::never;
  base::Error refused =
      failed(base::Code::unsupported, client_.url(target) + ": the BMC cannot " + std::string(name_of(action)) +
                                          "; it offers " + base::join(allowed, ", "));
  for (const auto type : reset_types_for(action)) {
    if (!allowed.empty() && !holds(allowed, type)) continue;
    const auto body = base::Json::object({{"ResetType", type}});
    for (int attempt = 1;; ++attempt) {
      auto reply = TRY(client_.post(target, body, again));
      if (reply.ok()) return {};
      // "Already on", said as an error.
      if (goal && TRY(power()) == *goal) return {};
      refused = client_.error_of("POST", target, reply);
      // iDRAC answers so for a while after a power-off.
      const bool busy = reply.status == 409 && reply.has_message("ActionParameterValueConflict");
      if (!busy || attempt >= client_.limits().attempts) break;
      TRY(client_.pause(client_.limits().retry_gap));
    }
    if (refused.code != base::Code::unsupported) return refused;
  }
  return refused;
}

base::Result<std::string> RedfishSystem::boot_target(const base::Json& system, BootDevice device) const {
  const base::Json& boot = system["Boot"];
  const auto allowed = strings_of(boot["BootSourceOverrideTarget@Redfish.AllowableValues"]);
  std::vector<std::string_view> wanted;
  switch (device) {
    case BootDevice::disk:
      wanted = {"Hdd"};
      break;
    case BootDevice::pxe:
      wanted = {"Pxe"};
      break;
    case BootDevice::uefi_http:
      wanted = {"UefiHttp"};
      break;
    case BootDevice::cd:
      // Supermicro's virtual CD hangs on USB, except on this model.
      if (lower_vendor(system).find("supermicro") != std::string::npos && system["Model"].string() != "ARS-111GL-NHR" &&
          holds(allowed, "UsbCd"))
        wanted = {"UsbCd", "Cd"};
      else
        wanted = {"Cd", "UsbCd"};
      break;
  }
  for (const auto target : wanted)
    if (allowed.empty() || holds(allowed, target)) return std::string(target);
  return failed(base::Code::unsupported, client_.url(path_) + ": the BMC cannot boot from " +
                                             std::string(name_of(device)) + "; it offers " + base::join(allowed, ", "));
}

// The settings resource where the boot properties have to be changed, or "" for the System itself.
base::Result<std::string> RedfishSystem::settings_with_boot(const base::Json& system) {
  const auto settings = link_of(system["@Redfish.Settings"]["SettingsObject"]);
  if (settings.empty()) return std::string();
  auto reply = TRY(client_.get(settings));
  return reply.ok() && reply.body["Boot"].has("BootSourceOverrideTarget") ? settings : std::string();
}

// Leaves out, one by one, what this BMC does not take; persistent becomes once.
base::Result<RedfishReply> RedfishSystem::patch_boot(const std::string& where, base::Json boot) {
  RedfishReply reply;
  base::Duration wait = base::seconds(5);
  for (int variant = 0, posts = 0; variant < patch_variants_max;) {
    reply = TRY(client_.patch(where, base::Json::object({{"Boot", boot}})));
    if (reply.ok()) return reply;
    if (reply.has_message("UnableToModifyDuringSystemPOST") && ++posts < patches_during_post) {
      TRY(client_.pause(wait));
      wait = std::min<base::Duration>(wait + base::seconds(5), base::seconds(30));
      continue;
    }
    if (reply.status == 401 || reply.status == 403 || reply.status >= 500) return reply;
    ++variant;
    if (reply.mentions("BootSourceOverrideMode") && boot.has("BootSourceOverrideMode"))
      boot.erase("BootSourceOverrideMode");
    else if (boot["BootSourceOverrideEnabled"].string() == "Continuous")
      boot.set("BootSourceOverrideEnabled", "Once");
    else
      return reply;
  }
  return reply;
}

base::Result<void> RedfishSystem::set_boot(BootDevice device, bool persistent, bool uefi,
                                           const std::string& http_boot_uri) {
  const auto system = TRY(read());
  const base::Json& present = system["Boot"];
  auto boot = base::Json::object({{"BootSourceOverrideTarget", TRY(boot_target(system, device))}});
  const bool whole = wants_whole_boot_override(system);
  const std::string enabled = persistent ? "Continuous" : "Once";
  if (whole || present["BootSourceOverrideEnabled"].string() != enabled) boot.set("BootSourceOverrideEnabled", enabled);
  const std::string mode = uefi ? "UEFI" : "Legacy";
  // Where the mode cannot be read (HPE Gen9) it cannot be set either.
  const auto& present_mode = present["BootSourceOverrideMode"].string();
  if (whole || (!present_mode.empty() && present_mode != mode)) boot.set("BootSourceOverrideMode", mode);
  if (device == BootDevice::uefi_http)
    boot.set("HttpBootUri", http_boot_uri);
  else if (!present["HttpBootUri"].string().empty())
    boot.set("HttpBootUri", nullptr);

  const auto settings = TRY(settings_with_boot(system));
  if (!settings.empty() && TRY(patch_boot(settings, boot)).ok()) return {};
  const auto reply = TRY(patch_boot(path_, boot));
  if (!reply.ok()) return client_.error_of("PATCH", path_, reply);
  return {};
}

}  // namespace metal
