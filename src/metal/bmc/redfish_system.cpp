#include "metal/bmc/redfish_system.h"

#include <algorithm>

#include "base/text.h"

namespace metal {
namespace {

constexpr int patches_during_post = 6;  // HPE refuses boot changes while the server runs its power-on self test
constexpr int patch_variants_max = 4;
constexpr int resets_after_power_off = 6;
constexpr auto reset_gap_after_power_off = base::seconds(10);
// An override that was set longer ago than this has been used up by a boot that this driver did not see.
constexpr auto boot_wanted_for = base::minutes(10);

base::Error failed(base::Code code, std::string message) {
  return base::Error{code, std::move(message), base::Layer::bmc};
}

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

// Whether this is the override that was asked for: Once for Continuous counts.
bool shows(const base::Json& boot, BootDevice device) {
  const auto& target = boot["BootSourceOverrideTarget"].string();
  if (boot["BootSourceOverrideEnabled"].string() == "Disabled") return false;
  switch (device) {
    case BootDevice::disk:
      return target == "Hdd";
    case BootDevice::pxe:
      return target == "Pxe";
    case BootDevice::uefi_http:
      return target == "UefiHttp";
    case BootDevice::cd:
      return target == "Cd" || target == "UsbCd";
  }
  return false;
}

}  // namespace

PowerState power_state_of(const base::Json& system) {
  const auto state = base::lower(system["PowerState"].string());
  if (state == "on" || state == "poweringon") return PowerState::on;
  if (state == "off" || state == "poweringoff") return PowerState::off;
  return PowerState::unknown;
}

RedfishSystem::RedfishSystem(RedfishClient& client, std::string path)
    : client_(client), wanted_path_(std::move(path)) {}

base::Result<std::string> RedfishSystem::path() {
  if (!path_.empty()) return path_;
  if (!wanted_path_.empty()) return path_ = wanted_path_;
  const auto root = TRY(client_.root());
  auto systems = link_of(root["Systems"]);
  if (systems.empty()) systems = "/redfish/v1/Systems";
  const auto members = TRY(client_.members(systems));
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
    auto systems = client_.members(link_of(root["Systems"]));
    if (systems) missing.message += "; there are " + base::join(*systems, ", ");
    return std::move(missing).with_fix("correct the System's path in spec.bmc.address");
  }
  if (!reply.ok()) return client_.error_of("GET", at, reply);
  if (!reply.body.is_object())
    return failed(base::Code::internal, "GET " + client_.url(at) + ": the answer is not a JSON object");
  if (!identified_) TRY(identify(reply.body));
  return std::move(reply.body);
}

// The service root names a vendor, too: some Systems show the name of whoever sold them.
base::Result<void> RedfishSystem::identify(const base::Json& system) {
  const auto root = TRY(client_.root());
  BmcFacts facts{system["Manufacturer"].string(), system["Model"].string(), ""};
  const auto said_by_root = root["Vendor"].string();
  if (base::lower(facts.vendor + said_by_root).find("dell") != std::string::npos) {
    const auto manager = link_of(system["Links"]["ManagedBy"].at(0));
    if (!manager.empty()) facts.firmware = TRY(client_.get(manager)).body["FirmwareVersion"].string();
  }
  client_.quirks().identify(facts);
  facts.vendor = said_by_root;
  client_.quirks().identify(facts);
  identified_ = true;
  return {};
}

base::Result<PowerState> RedfishSystem::power() { return power_state_of(TRY(read())); }

// What the Reset action takes; empty when the BMC does not say, which means anything.
base::Result<std::vector<std::string>> RedfishSystem::reset_types(const base::Json& action) {
  auto types = strings_of(action["ResetType@Redfish.AllowableValues"]);
  const auto info = link_of(action["@Redfish.ActionInfo"]);
  if (!types.empty() || info.empty()) return types;
  client_.quirks().found(Quirk::reset_types_by_reference);
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
  const bool boots = action != PowerAction::off && action != PowerAction::soft_off;
  if (boots && boot_) TRY(restore_boot(system));
  TRY(reset(system, action));
  if (boots && boot_ && !boot_->persistent) boot_.reset();
  return {};
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
      const auto reply = TRY(client_.post_to_end(target, body, again));
      if (reply.ok()) return {};
      // "Already on", said as an error.
      if (goal && TRY(power()) == *goal) {
        client_.quirks().found(Quirk::already_there);
        return {};
      }
      refused = client_.error_of("POST", target, reply);
      const bool busy = client_.quirks().shown(Quirk::busy_after_power_off, BmcStep::reset, reply);
      if (!busy || attempt >= resets_after_power_off) break;
      TRY(client_.pause(reset_gap_after_power_off));
    }
    if (refused.code != base::Code::unsupported) return refused;
  }
  return refused;
}

// The settings resource's list counts where the System shows none.
base::Result<std::string> RedfishSystem::boot_target(const base::Json& boot, const base::Json& settings,
                                                     BootDevice device) const {
  constexpr const char* list = "BootSourceOverrideTarget@Redfish.AllowableValues";
  const auto own = strings_of(boot[list]);
  const auto allowed = own.empty() ? strings_of(settings["Boot"][list]) : own;
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
      wanted = {"Cd", "UsbCd"};
      if (client_.quirks().has(Quirk::usb_cd) && !client_.quirks().has(Quirk::plain_cd) && holds(allowed, "UsbCd"))
        wanted = {"UsbCd", "Cd"};
      break;
  }
  for (const auto target : wanted)
    if (allowed.empty() || holds(allowed, target)) return std::string(target);
  return failed(base::Code::unsupported, client_.url(path_) + ": the BMC cannot boot from " +
                                             std::string(name_of(device)) + "; it offers " + base::join(allowed, ", "));
}

// The settings resource when boot properties may be changed there, else null.
base::Result<base::Json> RedfishSystem::settings_with_boot(const base::Json& system) {
  const auto settings = link_of(system["@Redfish.Settings"]["SettingsObject"]);
  if (settings.empty() || client_.quirks().has(Quirk::boot_settings_read_only)) return base::Json();
  auto reply = TRY(client_.get(settings));
  if (!reply.ok() || reply.body["Boot"].empty()) return base::Json();
  return reply.body.set("@odata.id", settings);
}

// Leaves out, one by one, what this BMC does not take; persistent becomes once.
base::Result<RedfishReply> RedfishSystem::patch_boot(const std::string& where, base::Json boot) {
  auto& quirks = client_.quirks();
  RedfishReply reply;
  bool once_instead = false;
  base::Duration wait = base::seconds(5);
  for (int variant = 0, posts = 0; variant < patch_variants_max;) {
    reply = TRY(client_.patch_to_end(where, base::Json::object({{"Boot", boot}})));
    if (reply.ok() && once_instead) quirks.found(Quirk::continuous_refused);
    if (reply.ok()) return reply;
    if (quirks.shown(Quirk::boot_locked_in_post, BmcStep::boot, reply) && ++posts < patches_during_post) {
      TRY(client_.pause(wait));
      wait = std::min<base::Duration>(wait + base::seconds(5), base::seconds(30));
      continue;
    }
    if (reply.status == 401 || reply.status == 403 || reply.status >= 500) return reply;
    ++variant;
    if (boot.has("BootSourceOverrideMode") && quirks.shown(Quirk::boot_mode_fixed, BmcStep::boot, reply)) {
      boot.erase("BootSourceOverrideMode");
    } else if (boot["BootSourceOverrideEnabled"].string() == "Continuous") {
      once_instead = true;
      boot.set("BootSourceOverrideEnabled", "Once");
    } else {
      return reply;
    }
  }
  return reply;
}

base::Result<base::Json> RedfishSystem::boot_change(const base::Json& present, const base::Json& settings,
                                                    const WantedBoot& wanted) {
  const auto& quirks = client_.quirks();
  if (wanted.device == BootDevice::disk && wanted.uefi && quirks.has(Quirk::keeps_own_boot_order))
    return base::Json::object({{"BootSourceOverrideTarget", "None"}, {"BootSourceOverrideEnabled", "Disabled"}});
  const auto target = TRY(boot_target(present, settings, wanted.device));
  auto boot = base::Json::object({{"BootSourceOverrideTarget", target}});
  const bool whole = quirks.has(Quirk::whole_boot_override) || quirks.has(Quirk::forgets_boot_override);
  const std::string enabled = wanted.persistent && !quirks.has(Quirk::continuous_refused) ? "Continuous" : "Once";
  if (whole || present["BootSourceOverrideEnabled"].string() != enabled) boot.set("BootSourceOverrideEnabled", enabled);
  const std::string mode = wanted.uefi ? "UEFI" : "Legacy";
  // Where the mode cannot be read it cannot be set either.
  const auto& present_mode = present["BootSourceOverrideMode"].string();
  if (!quirks.has(Quirk::boot_mode_fixed) && (whole || (!present_mode.empty() && present_mode != mode)))
    boot.set("BootSourceOverrideMode", mode);
  if (wanted.device == BootDevice::uefi_http)
    boot.set("HttpBootUri", wanted.http_boot_uri);
  else if (!present["HttpBootUri"].string().empty())
    boot.set("HttpBootUri", nullptr);
  return boot;
}

// Changes in the settings resource what is offered there and leaves the rest in `boot`. False: it refuses.
base::Result<bool> RedfishSystem::change_boot_settings(const base::Json& system, const base::Json& settings,
                                                       base::Json& boot) {
  base::Json there = base::Json::object(), rest = base::Json::object();
  for (const auto& [name, value] : boot.members()) {
    const bool offered = settings["Boot"].has(name) || !system["Boot"].has(name);
    (offered ? there : rest).set(name, value);
  }
  if (there.empty()) return true;
  const auto reply = TRY(patch_boot(link_of(settings), there));
  if (!reply.ok()) return false;
  client_.quirks().found(Quirk::boot_in_settings);
  boot = rest;
  return true;
}

base::Result<void> RedfishSystem::change_boot(const base::Json& system, const WantedBoot& wanted) {
  auto& quirks = client_.quirks();
  const auto settings = TRY(settings_with_boot(system));
  auto boot = TRY(boot_change(system["Boot"], settings, wanted));
  if (!settings.is_null()) {
    const bool taken = TRY(change_boot_settings(system, settings, boot));
    if (!taken) quirks.found(Quirk::boot_settings_read_only);
    if (taken && boot.empty()) return {};
  }
  const auto reply = TRY(patch_boot(path_, boot));
  if (!reply.ok()) return client_.error_of("PATCH", path_, reply);
  return {};
}

base::Result<void> RedfishSystem::set_boot(BootDevice device, bool persistent, bool uefi,
                                           const std::string& http_boot_uri) {
  const WantedBoot wanted{device, persistent, uefi, http_boot_uri, client_.now()};
  boot_.reset();
  const auto before = TRY(read());
  TRY(change_boot(before, wanted));
  boot_ = wanted;
  if (client_.quirks().has(Quirk::boot_in_settings)) return {};  // the System follows at its next reset
  const auto now = TRY(read());
  return shows(now["Boot"], device) ? base::Result<void>() : restore_boot(now);
}

// Some BMCs take an override and drop it at once, or lose it in a restart of their own before the server is powered on.
base::Result<void> RedfishSystem::restore_boot(const base::Json& system) {
  if (client_.now() - boot_->when > boot_wanted_for) {
    boot_.reset();
    return {};
  }
  const auto& quirks = client_.quirks();
  const bool own_order = boot_->device == BootDevice::disk && quirks.has(Quirk::keeps_own_boot_order);
  if (own_order || quirks.has(Quirk::boot_in_settings) || shows(system["Boot"], boot_->device)) return {};
  client_.quirks().found(Quirk::forgets_boot_override);
  return change_boot(system, *boot_);
}

}  // namespace metal
